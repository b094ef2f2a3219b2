// Plays a part of the past: rows come in as they came then, and leave when their time is over now.
import { clock } from "/static/clock.js";
import { ask } from "/static/ops-api.js";
import { make } from "/static/ops-make.js";
import { span } from "/static/ops-span.js";
import { clockTime, count, some } from "/static/ops-words.js";
import { left } from "/static/words.js";

const MOST = 200;
const NEAR_TOP = 8;
const ENDS = {
  whole: "That was all.", restart: "The server is about to restart: play again.",
  "store-unavailable": "The store stayed away.", "log-reset": "The log began anew.",
};

// Each line of an answer, as they come: in arrays, one for each piece that came.
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    yield parts.map((part) => JSON.parse(part));
  }
}

export function replay(form, place, rows, said) {
  const [room, speed, button] = ["#replay-room", "#speed", "#play"].map((selector) => form.querySelector(selector));
  const ends = span(place, clock.now);
  let running = null, given = 0;

  const tell = (words, isBad = false) => {
    said.textContent = words;
    said.className = isBad ? "bad" : "";
  };

  const row = (line) => make("li", { "data-id": line.id, "data-room": line.room, "data-expires": line.expires_at },
    make("p", { class: "about" },
      make("time", { datetime: new Date(line.created_at).toISOString() }, clockTime(line.created_at)),
      make("bdi", { class: "room" }, line.room), make("bdi", { class: "author" }, line.author), make("span", { class: "left" })),
    make("p", { class: "text", dir: "auto" }, line.text));

  // Takes in what came; whether more is to come.
  function take(lines) {
    const added = [];
    let last = null, ended = null;
    for (const line of lines) {
      if (line.type === "message.posted") {
        given += 1;
        added.push(line);
      } else if (line.type === "message.erased") {
        given += 1;
        [...rows.children].find((each) => each.dataset.id === line.erased && each.dataset.room === line.room)?.remove();
        const at = added.findIndex((each) => each.id === line.erased && each.room === line.room);
        if (at >= 0) added.splice(at, 1);
      } else if (line.type === "replay.ended") {
        ended = line;
        continue;
      }
      last = Number((line.id ?? line.position).split("-")[0]);
    }
    const isAtTop = rows.scrollTop < NEAR_TOP;
    rows.prepend(...added.slice(-MOST).reverse().map(row));
    if (isAtTop) rows.scrollTop = 0;
    while (rows.children.length > MOST) rows.lastElementChild.remove();
    expire();
    if (ended) {
      tell(`${ENDS[ended.reason] ?? ended.reason} ${some(given, "event")}${ended.expired ? `, ${count(ended.expired)} more had expired` : ""}.`, ended.reason !== "whole");
      return false;
    }
    ends.mark(last);
    tell(`Playing: ${some(given, "event")}, now at ${clockTime(last)}.`);
    return true;
  }

  function expire() {
    const now = clock.latest();
    for (const each of [...rows.children]) {
      const rest = Number(each.dataset.expires) - now;
      if (rest <= 0) each.remove();
      else each.querySelector(".left").textContent = `gone in ${left(rest)}`;
    }
  }

  // Messages that were erased since: their texts go at once.
  function erase(erased) {
    if (!erased.length) return;
    const gone = new Set(erased.map(String));
    for (const each of [...rows.children]) if (gone.has(`${each.dataset.room},${each.dataset.id}`)) each.remove();
  }

  async function play() {
    clear();
    running = new AbortController();
    button.textContent = "Stop";
    tell("Playing …");
    const { signal } = running;
    const query = new URLSearchParams({ ...ends.read(), speed: speed.value });
    if (room.value.trim()) query.set("room", room.value.trim());
    try {
      let isOpen = true;
      for await (const lines of linesOf(await ask(`/api/replay?${query}`, { signal }))) {
        if (signal.aborted) break;
        if (lines.length) isOpen = take(lines);
      }
      if (isOpen && !signal.aborted) tell("The replay was cut off: this is not all.", true);
    } catch (error) {
      if (signal.aborted) return;
      tell(`${error.message}.`, true);
    }
    if (!signal.aborted) end();
  }

  function end() {
    running = null;
    button.textContent = "Play";
    ends.mark(null);
  }

  function stop() {
    if (!running) return;
    running.abort();
    end();
    tell(`Stopped after ${some(given, "event")}.`);
  }

  function clear() {
    stop();
    given = 0;
    rows.replaceChildren();
    tell("");
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) stop();
    else play();
  });

  return { expire, erase, clear, setWindow: ends.setWindow };
}
