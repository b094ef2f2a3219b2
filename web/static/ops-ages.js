// The window: the messages that live, by when they were posted, on their way to their end. They come in
// at the right and leave at the left.
import { draw } from "/static/ops-make.js";
import { plot } from "/static/ops-plot.js";
import { age, clockTime, count, roundCount, some } from "/static/ops-words.js";
import { left } from "/static/words.js";

const PLACES = 60;
const NEAR_END = 0.1;
const EVERY = 1_000;
const still = matchMedia("(prefers-reduced-motion: reduce)");

export function ages() {
  let told = { now: 0, window: 1, slot: 1, ages: [] };
  const drawn = plot({ title: "Messages in the window", about: "", from: "", places: PLACES, look });
  drawn.figure.classList.add("ages");
  const bars = draw("g", { class: "bars" });
  const paint = draw("linearGradient", { id: "life", gradientUnits: "userSpaceOnUse", x1: 0, x2: 1_000, y1: 0, y2: 0 },
    ...[["0", "last"], [".1", "late"], [".35", "live"], ["1", "live"]].map(([offset, name]) => draw("stop", { offset, class: name })));
  drawn.svg.append(draw("defs", {}, paint), bars, drawn.cursor);
  drawn.figure.querySelector(".axis span").after(Object.assign(document.createElement("span"), { textContent: "by when they were posted" }));

  const placeOf = (ms) => 1 - (told.now - ms) / told.window;

  function look(place) {
    const at = Math.floor((told.now - (1 - place) * told.window) / told.slot) * told.slot;
    const number = told.ages.find(([begin]) => begin === at)?.[1] ?? 0;
    const middle = Math.min(1, Math.max(0, placeOf(at + told.slot / 2)));
    const ago = age(Math.max(0, told.now - at - told.slot));
    return { at: middle, text: `posted ${clockTime(at)} to ${clockTime(at + told.slot)}, ${ago} ago: ${some(number, "message")} live` };
  }

  return {
    figure: drawn.figure,

    show(figures) {
      told = figures;
      const total = told.ages.reduce((sum, [, number]) => sum + number, 0);
      const highest = Math.max(0, ...told.ages.map(([, number]) => number));
      const near = told.ages.reduce((sum, [begin, number]) => sum + (placeOf(begin) < NEAR_END ? number : 0), 0);
      const top = Math.max(5, roundCount(Math.max(highest, 1)));
      const width = 1_000 * told.slot / told.window;
      bars.replaceChildren(...told.ages.map(([begin, number]) => {
        const x = Math.max(0, 1_000 * placeOf(begin)), end = Math.min(1_000, 1_000 * placeOf(begin) + width);
        const height = Math.max(1, 98 * number / top);
        return draw("rect", { x, y: 100 - height, width: Math.max(0, (end - x) * 0.88), height, fill: "url(#life)", "data-count": number });
      }));
      if (!still.matches) bars.animate([{ transform: "none" }, { transform: `translateX(${-1_000 * EVERY / told.window}px)` }], { duration: EVERY });
      drawn.tell({
        value: count(total), unit: total === 1 ? "lives" : "live", top: some(top, "message"),
        note: `${some(near, "is", "are")} in the last tenth of the window of ${left(told.window)}`,
        from: `${left(told.window)} ago: gone`,
        summary: `By when they were posted, from ${left(told.window)} ago until now: ${some(total, "message")}, at the most ${count(highest)} in ${age(told.slot)}.`,
      });
    },
  };
}
