// The frame of a chart: its title, the value now, the axes, and a place to look at by pointer or keys.
import { draw, make } from "/static/ops-make.js";

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
let made = 0;

// `places`: into how many the keys divide the time axis. `look(place)`, a place from 0 to 1, tells what
// is there: { at, text }, or nothing.
export function plot({ title, about, from, places, look }) {
  const id = `plot-${made += 1}`;
  const value = make("b"), unit = make("span"), note = make("p", { class: "note" });
  const summary = make("p", { class: "unseen" });
  const top = make("span", { class: "top" }), tip = make("span", { class: "tip", hidden: true });
  const begin = make("span", {}, from);
  const cursor = draw("line", { class: "cursor", y1: 0, y2: 100, "vector-effect": "non-scaling-stroke", visibility: "hidden" });
  const svg = draw("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  const field = make("div", {
    class: "plot", tabindex: 0, role: "slider", "aria-labelledby": id, "aria-valuemin": -places, "aria-valuemax": 0,
    "aria-valuenow": 0, "aria-valuetext": "nothing yet",
  }, svg, top, make("span", { class: "zero" }, "0"), tip);
  const figure = make("figure", { class: "chart" },
    make("figcaption", {},
      make("h2", { id }, title), make("p", { class: "value" }, value, " ", unit), note, summary),
    field,
    make("p", { class: "axis", "aria-hidden": "true" }, begin, make("span", {}, "now")));
  let place = null, isHeld = false;

  function show() {
    const found = place === null ? null : look(place);
    tip.hidden = !found;
    cursor.setAttribute("visibility", found ? "visible" : "hidden");
    const spoken = found ?? look(1);
    field.setAttribute("aria-valuenow", Math.round(((place ?? 1) - 1) * places));
    field.setAttribute("aria-valuetext", spoken?.text ?? "nothing here");
    if (!found) return;
    cursor.setAttribute("x1", found.at * 1_000);
    cursor.setAttribute("x2", found.at * 1_000);
    tip.textContent = found.text;
    tip.style.insetInlineStart = `${found.at * 100}%`;
    tip.style.translate = `${-found.at * 100}%`;
  }

  function go(next) {
    place = next === null ? null : Math.min(1, Math.max(0, next));
    show();
  }

  field.addEventListener("pointermove", (event) => {
    const { left, width } = field.getBoundingClientRect();
    isHeld = false;
    go((event.clientX - left) / width);
  });
  field.addEventListener("pointerleave", () => { if (!isHeld) go(null); });
  field.addEventListener("blur", () => { isHeld = false; go(null); });
  field.addEventListener("keydown", (event) => {
    const { key } = event;
    if (key === "Escape") return go(null);
    const next = key in STEPS ? (place ?? 1) + STEPS[key] / places : { Home: 0, End: 1 }[key];
    if (next === undefined) return undefined;
    event.preventDefault();
    isHeld = true;
    return go(next);
  });

  return {
    figure, svg, cursor, show,
    // What stands round the picture now.
    tell(told) {
      value.textContent = told.value;
      unit.textContent = told.unit;
      note.textContent = told.note || about;
      note.className = told.isBad ? "note bad" : "note";
      top.textContent = told.top;
      summary.textContent = told.summary;
      if (told.from) begin.textContent = told.from;
      show();
    },
  };
}
