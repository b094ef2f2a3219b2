// A chart of the last five minutes: lines by the second.
import { draw, make } from "/static/ops-make.js";
import { plot } from "/static/ops-plot.js";
import { clockTime } from "/static/ops-words.js";

export const SPAN_S = 300;
// Looks that are further apart have something missing between them, and no line joins them.
const JOINED_S = 5;
const HUES = 5;

// `words(value)` is a value with its unit, `split(value)` the same in two; `least` is the smallest end of
// the axis, `round(value)` one that has room for a value; `judge(value)` says what is wrong with a value; `limit`
// is a line that should not be crossed: { value, name }.
export function line({ title, about, words, split, least, round, judge = () => "", isWide = false }) {
  const lines = new Map();
  let end = 0, limit = null;
  const drawn = plot({ title, about, from: "5 min ago", places: SPAN_S, look });
  const mark = draw("line", { class: "limit", x1: 0, x2: 1_000, "vector-effect": "non-scaling-stroke", visibility: "hidden" });
  const legend = make("p", { class: "legend" });
  drawn.svg.append(mark, drawn.cursor);
  drawn.figure.append(legend);
  drawn.figure.classList.toggle("spread", isWide);

  function lineOf(name) {
    if (!lines.has(name)) {
      const hue = `hue${lines.size % HUES}`;
      const area = draw("path", { class: `area ${hue}` }), path = draw("path", { class: `line ${hue}`, "vector-effect": "non-scaling-stroke" });
      drawn.svg.insertBefore(area, mark);
      drawn.svg.insertBefore(path, mark);
      lines.set(name, { values: new Map(), area, path, hue });
    }
    return lines.get(name);
  }

  function nearest(values, second) {
    for (let off = 0; off <= JOINED_S; off += 1) {
      for (const at of [second - off, second + off]) if (values.has(at)) return at;
    }
    return null;
  }

  function look(place) {
    const second = Math.round(end - (1 - place) * SPAN_S);
    let at = null;
    const told = [];
    for (const [name, { values }] of lines) {
      const found = nearest(values, second);
      if (found === null) continue;
      at ??= found;
      told.push(lines.size > 1 ? `${name} ${words(values.get(found))}` : words(values.get(found)));
    }
    return at === null ? null : { at: 1 - (end - at) / SPAN_S, text: `${clockTime(at * 1_000)}: ${told.join(", ")}` };
  }

  function paths(values, top) {
    let path = "", area = "", before = null, begun = null;
    const x = (second) => (1_000 * (1 - (end - second) / SPAN_S)).toFixed(1);
    for (const second of [...values.keys()].sort((one, other) => one - other)) {
      const y = (100 - 98 * Math.min(1, values.get(second) / top)).toFixed(2);
      const isJoined = before !== null && second - before <= JOINED_S;
      if (!isJoined && begun !== null) area += `L${x(before)} 100Z`;
      if (!isJoined) [area, begun] = [`${area}M${x(second)} 100`, second];
      path += `${isJoined ? "L" : "M"}${x(second)} ${y}${isJoined ? "" : `h.1`}`;
      area += `L${x(second)} ${y}`;
      before = second;
    }
    return { path, area: begun === null ? "" : `${area}L${x(before)} 100Z` };
  }

  return {
    figure: drawn.figure,

    put: (name, ms, value) => lineOf(name).values.set(Math.floor(ms / 1_000), value),
    last: (name) => Math.max(0, ...(lines.get(name)?.values.keys() ?? [])) * 1_000,

    drop(names) {
      for (const [name, each] of lines) {
        if (names.has(name)) continue;
        each.area.remove();
        each.path.remove();
        lines.delete(name);
      }
    },

    // Draws what was put, up to a time; the last values of the lines are the value now.
    show(now, note = "", bound = null) {
      end = Math.floor(now / 1_000);
      limit = bound;
      const latest = [], all = [];
      for (const [name, { values, hue }] of lines) {
        for (const second of values.keys()) if (second < end - SPAN_S) values.delete(second);
        all.push(...values.values());
        const at = nearest(values, end);
        if (at !== null) latest.push([name, values.get(at), hue]);
      }
      const highest = Math.max(0, ...all), lowest = all.length ? Math.min(...all) : 0;
      const top = round(Math.max(highest, least));
      for (const { values, path, area } of lines.values()) {
        const found = paths(values, top);
        path.setAttribute("d", found.path);
        area.setAttribute("d", lines.size === 1 ? found.area : "");
      }
      const isShown = limit && limit.value <= top;
      mark.setAttribute("visibility", isShown ? "visible" : "hidden");
      if (isShown) for (const y of ["y1", "y2"]) mark.setAttribute(y, 100 - 98 * limit.value / top);
      const worst = latest.reduce((one, other) => (one && one[1] >= other[1] ? one : other), null);
      const wrong = worst ? judge(worst[1]) : "";
      const [value, unit] = worst ? split(worst[1]) : ["–", ""];
      legend.replaceChildren(...(lines.size > 1 ? latest.map(([name, shown, hue]) => make("span", { class: hue }, `${name} ${words(shown)}`)) : []));
      drawn.tell({
        value, unit, isBad: Boolean(wrong), note: wrong || note, top: words(top),
        summary: all.length ? `Last 5 minutes: lowest ${words(lowest)}, highest ${words(highest)}.` : "Nothing yet.",
      });
    },
  };
}
