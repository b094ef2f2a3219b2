// A slider over the window with two ends: from when, and to when.
import { make } from "/static/ops-make.js";
import { age, clockTime } from "/static/ops-words.js";

const STEPS = 900;

// `now()` is the store's time; `told` is what the window is.
export function span(place, now) {
  let window = 0;
  const ends = ["From", "To"].map((name, at) => {
    const input = make("input", { type: "range", min: 0, max: STEPS, value: at ? STEPS : 0, id: `span-${at}`, "aria-label": name, input: () => move(at) });
    return { input, time: make("output", { for: `span-${at}` }) };
  });
  const track = make("div", { class: "track" }), chosen = make("i"), head = make("b", { hidden: true });
  track.append(chosen, head, ...ends.map(({ input }) => input));
  place.append(make("p", { class: "ends" }, ends[0].time, ends[1].time), track);

  const value = (at) => Number(ends[at].input.value);
  const ago = (at) => (1 - value(at) / STEPS) * window;

  // The ends do not pass each other.
  function move(at) {
    if (value(0) >= value(1)) ends[at].input.value = at ? value(0) + 1 : value(1) - 1;
    if (value(0) >= value(1)) ends[1 - at].input.value = at ? value(1) - 1 : value(0) + 1;
    show();
  }

  function words(at) {
    if (at && value(1) === STEPS) return "now";
    return `${clockTime(now() - ago(at))}, ${age(ago(at))} ago`;
  }

  function show() {
    ends.forEach(({ input, time }, at) => {
      time.textContent = `${at ? "to" : "from"} ${words(at)}`;
      input.setAttribute("aria-valuetext", words(at));
    });
    chosen.style.insetInline = `${100 * value(0) / STEPS}% ${100 - 100 * value(1) / STEPS}%`;
  }

  return {
    setWindow(ms) {
      window = ms;
      show();
    },
    // As the replay is asked for it.
    read: () => ({
      since: value(0) === 0 ? "window" : String(Math.floor(now() - ago(0))),
      until: value(1) === STEPS ? "now" : String(Math.floor(now() - ago(1))),
    }),
    // Where the replay is; null for nowhere.
    mark(ms) {
      head.hidden = ms === null || !window;
      if (!head.hidden) head.style.insetInlineStart = `${Math.min(100, Math.max(0, 100 * (1 - (now() - ms) / window)))}%`;
    },
  };
}
