// What was written here and is not yet in the room: shown at once, sent in order, tried again with the
// same key so that nothing is posted twice, and kept by the tab through a reload.
import { clock } from "/static/clock.js";
import { list } from "/static/list.js";
import { element, frame } from "/static/message.js";
import { tab } from "/static/store.js";

const root = document.querySelector("#pending");
const ANSWER = 10_000;
const WAITS = [1, 2, 4, 8, 15, 30];

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");

// on.posted(message, rate), on.edit(draft), on.held(seconds): how long until the next may be sent.
export function outbox(room, window, on) {
  const name = `outbox:${room}`;
  const path = `/api/rooms/${encodeURIComponent(room)}/messages`;
  let entries = [], sending = null, heldUntil = 0, timer;

  const keep = () => tab.set(name, entries.length ? entries.map(({ key, text, author, ttl, life, since, tried, refused }) =>
    ({ key, text, author, ttl, life, since, tried, refused })) : null);

  function show(entry) {
    entry.state = element("p", "state");
    entry.element = frame(entry.author || "anonymous", entry.text);
    entry.element.querySelector(".says").append(entry.state);
    entry.element.classList.add("own");
    list.hold(() => root.append(entry.element));
    say(entry, entry.refused ?? "sending …", Boolean(entry.refused));
  }

  function say(entry, words, refused = false) {
    entry.element.classList.toggle("failed", refused);
    entry.state.replaceChildren(element("span", "", words));
    if (!refused) return;
    for (const [label, act] of [["Try again", again], ["Edit", edit], ["Discard", drop]]) {
      const button = element("button", "plain", label);
      button.type = "button";
      button.addEventListener("click", () => act(entry));
      entry.state.append(button);
    }
  }

  function drop(entry) {
    entries = entries.filter((each) => each !== entry);
    list.hold(() => entry.element.remove());
    if (!root.children.length) root.textContent = "";
    keep();
  }

  function edit(entry) {
    drop(entry);
    on.edit(entry);
  }

  function again(entry) {
    entry.refused = undefined;
    say(entry, "sending …");
    flush();
  }

  function refuse(entry, words) {
    entry.refused = words;
    entry.tries = 0;
    say(entry, `Not sent: ${words}`, true);
    keep();
  }

  // Whether it can't be sent any more: nobody knows whether the first try arrived, and by now it would
  // be over and its key forgotten; or it waited longer than anything lives here.
  function isOver(entry) {
    return (entry.tried && clock.now() - entry.tried > entry.life) || clock.now() - entry.since > window;
  }

  async function send(entry) {
    entry.tried ??= clock.now();
    keep();
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": entry.key },
      body: JSON.stringify({ text: entry.text, author: entry.author, ttl: entry.ttl }),
      signal: AbortSignal.timeout(ANSWER),
    });
    const body = await response.json();
    const wait = Number(response.headers.get("Retry-After"));
    if (response.ok) done(entry, body, response.headers.get("RateLimit"));
    else if (response.status === 429) held(entry, wait || 1, body.detail);
    else if (response.status === 503) later(entry, wait || 1, body.detail);
    else refuse(entry, `${body.detail}.`);
  }

  function done(entry, posted, rate) {
    drop(entry);
    on.posted(posted, rate);
  }

  // Too fast: until then nothing else is sent either.
  function held(entry, seconds, why) {
    heldUntil = performance.now() + seconds * 1_000;
    later(entry, seconds, why, on.held);
  }

  function later(entry, seconds, why, told = () => {}) {
    const until = performance.now() + seconds * 1_000;
    (function count() {
      const rest = Math.max(0, Math.ceil((until - performance.now()) / 1_000));
      told(rest);
      if (!rest) return flush();
      say(entry, `${why}: sent in ${rest} s`);
      timer = setTimeout(count, 250);
    })();
  }

  function unreached(entry) {
    entry.tries = (entry.tries ?? 0) + 1;
    say(entry, navigator.onLine ? "The server can't be reached: tried again soon" : "Offline: sent when you are back");
    clearTimeout(timer);
    timer = setTimeout(flush, WAITS[Math.min(entry.tries, WAITS.length) - 1] * 1_000);
  }

  async function flush() {
    if (sending || performance.now() < heldUntil) return;
    clearTimeout(timer);
    for (const entry of entries.filter((each) => !each.refused && isOver(each))) {
      drop(entry);
      on.over();
    }
    const entry = entries.find((each) => !each.refused);
    if (!entry) return;
    sending = entry;
    try {
      await send(entry);
    } catch {
      unreached(entry);
      return;
    } finally {
      sending = null;
    }
    if (!entries.includes(entry) || entry.refused) flush();
  }

  function restore() {
    entries = tab.get(name, []).filter((entry) => entry.text);
    entries.forEach(show);
    flush();
  }

  addEventListener("online", flush);
  return {
    flush,
    restore,
    get size() { return entries.length; },

    add({ text, author, ttl, life }) {
      const entry = { key: newKey(), text, author, ttl, life, since: clock.now() };
      entries.push(entry);
      show(entry);
      keep();
      flush();
    },

    // The stream may bring our own message before the answer to its post: then it is shown once.
    arrived(message) {
      const mine = sending;
      if (!mine || mine.arrived || mine.text !== message.text) return false;
      if ((mine.author || "anonymous") !== message.author) return false;
      mine.arrived = message.id;
      list.hold(() => mine.element.remove());
      if (!root.children.length) root.textContent = "";
      return true;
    },
  };
}
