// What was written here and is not yet in the room: shown at once, sent in order, tried again with the
// same key so that nothing is posted twice, and kept by the tab through a reload.
import { card } from "/static/card.js";
import { clock } from "/static/clock.js";
import { tab } from "/static/store.js";

const ANSWER = 10_000;
const WAITS = [1, 2, 4, 8, 15, 30];

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");

// on.posted(message, rate), on.edit(draft), on.held(seconds): how long until the next may be sent,
// on.over(): one was let go unsent, on.maybe(): one was taken back that may have been posted.
export function outbox(room, window, on) {
  const name = `outbox:${room}`;
  const path = `/api/rooms/${encodeURIComponent(room)}/messages`;
  const cards = new Map();
  let entries = [], sending = null, heldUntil = 0, timer;

  const keep = () => tab.set(name, entries.length ? entries : null);

  function show(entry) {
    const taken = [["Edit", () => edit(entry)], ["Discard", () => discard(entry)]];
    const made = card(entry);
    cards.set(entry, {
      remove: made.remove,
      sending: () => made.say("sending …", []),
      waiting: (words) => made.say(words, taken),
      refused: (words) => made.say(words, [["Try again", () => again(entry)], ...taken], true),
    });
    if (entry.refused) cards.get(entry).refused(entry.refused);
    else cards.get(entry).waiting("waiting …");
  }

  function drop(entry) {
    entries = entries.filter((each) => each !== entry);
    cards.get(entry).remove();
    cards.delete(entry);
    keep();
  }

  // By hand: the next has its turn.
  function discard(entry) {
    drop(entry);
    if (entry.maybe) on.maybe();
    flush();
  }

  function edit(entry) {
    on.edit(entry);
    discard(entry);
  }

  function again(entry) {
    entry.refused = undefined;
    cards.get(entry).waiting("waiting …");
    flush();
  }

  function refuse(entry, words) {
    Object.assign(entry, { refused: `Not sent: ${words}`, maybe: false, tries: 0 });
    cards.get(entry).refused(entry.refused);
    keep();
  }

  // Whether it can't be sent any more: nobody knows whether the first try arrived, and by now it would
  // be over and its key forgotten; or it waited longer than anything lives here.
  function isOver(entry) {
    return (entry.tried && clock.now() - entry.tried > entry.life) || clock.now() - entry.since > window;
  }

  async function send(entry) {
    cards.get(entry).sending();
    entry.tried ??= clock.now();
    keep();
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": entry.key },
      body: JSON.stringify({ text: entry.text, author: entry.author, ttl: entry.ttl }),
      signal: AbortSignal.timeout(ANSWER),
    });
    const body = await response.json();
    const wait = Number(response.headers.get("Retry-After")) || 1;
    if (response.ok) done(entry, body, response.headers.get("RateLimit"));
    else if (response.status === 429) held(entry, wait, body.detail);
    else if (response.status === 503) unanswered(entry, wait, body.detail);
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

  // The store may have taken it all the same.
  function unanswered(entry, seconds, why) {
    entry.maybe = true;
    later(entry, seconds, why);
  }

  function later(entry, seconds, why, told = () => {}) {
    const until = performance.now() + seconds * 1_000;
    (function count() {
      const rest = Math.max(0, Math.ceil((until - performance.now()) / 1_000));
      told(rest);
      if (!rest) return flush();
      cards.get(entry)?.waiting(`${why}: sent in ${rest} s`);
      timer = setTimeout(count, 250);
    })();
  }

  function unreached(entry) {
    entry.tries = (entry.tries ?? 0) + 1;
    entry.maybe ||= navigator.onLine;
    keep();
    cards.get(entry).waiting(
      navigator.onLine ? "The server can't be reached: tried again soon" : "Offline: sent when you are back",
    );
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

  addEventListener("online", flush);
  return {
    flush,

    restore() {
      entries = tab.get(name, []);
      entries.forEach(show);
      flush();
    },

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
      cards.get(mine).remove();
      return true;
    },
  };
}
