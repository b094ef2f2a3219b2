// The messages on the screen: in order, each once, gone on time, never more than a few hundred.
import { clock } from "/static/clock.js";
import { adopt, age, render } from "/static/message.js";
import { isAfter } from "/static/words.js";

const root = document.querySelector("#messages");
const pane = document.querySelector("#pane");
const older = document.querySelector("#older");
const MOST = 300;
const LOOK = 1_000;
const SOON = 50;
const NEAR_END = 60;
let timer, due = 0;
let following = true;

const item = (id) => document.getElementById("m" + id);
const atEnd = () => pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR_END;

// Changes the list under the reader's eyes: the end stays in view, or what was read stays in place.
function hold(change) {
  const top = pane.getBoundingClientRect().top;
  const anchor = following ? null : [...root.children].find((entry) => entry.getBoundingClientRect().bottom > top);
  const before = anchor?.getBoundingClientRect().top;
  change();
  if (following) pane.scrollTop = pane.scrollHeight;
  else if (anchor?.isConnected) pane.scrollTop += anchor.getBoundingClientRect().top - before;
}

function insert(message) {
  if (item(message.id) || list.gone.has(message.id) || message.expires_at <= clock.now()) return null;
  const made = render(message);
  let next = null, entry = root.lastElementChild;
  while (entry && isAfter(entry.dataset.id, message.id)) [next, entry] = [entry, entry.previousElementSibling];
  root.insertBefore(made, next);
  age(made);
  return made;
}

function cutStart() {
  while (root.children.length > MOST) {
    root.firstElementChild.remove();
    older.hidden = false;
  }
}

// Takes out what is over, and hides what may be while the store was not asked again.
function expire() {
  clearTimeout(timer);
  timer = null;
  const now = clock.now(), latest = clock.latest();
  let next = LOOK;
  const over = [];
  for (const entry of root.children) {
    const rest = Number(entry.dataset.expires) - now;
    if (rest <= 0) over.push(entry);
    else next = Math.min(next, rest);
    entry.hidden = Number(entry.dataset.expires) <= latest;
    if (!document.hidden) age(entry);
  }
  if (over.length) hold(() => over.forEach((entry) => entry.remove()));
  if (!root.children.length) root.textContent = "";
  list.changed();
  wake(next);
}

// Looks again in so many milliseconds, or sooner if that was meant before.
function wake(wait) {
  const at = performance.now() + wait;
  if (at >= due && timer) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(look, wait);
}

function look() {
  if (clock.hasSlept()) list.doubt();
  expire();
}

export const list = {
  // Ids that were erased: a page that was asked for before may still bring them.
  gone: new Set(),
  // Whether what is newest in the room is on the screen.
  whole: true,
  // Told: the list has changed; the reader went to an edge; the clock is in doubt.
  changed() {},
  reached() {},
  doubt() {},
  expire,

  start() {
    document.documentElement.classList.add("scripted");
    for (const entry of root.children) adopt(entry);
    pane.scrollTop = pane.scrollHeight;
    expire();
  },

  get following() { return following; },
  get first() { return root.firstElementChild?.dataset.id; },
  get last() { return root.lastElementChild?.dataset.id; },
  entries: () => [...root.children],

  // A message that was just said; whether it was not there before.
  add(message) {
    let made = null;
    hold(() => {
      made = insert(message);
      made?.classList.add("new");
      if (following) cutStart();
    });
    if (!following && root.children.length > MOST) list.cutEnd();
    if (made) wake(SOON);
    return made !== null;
  },

  // Older or newer pages: nothing moves, and what is too far away leaves the page's memory.
  addPage(messages, { areOlder }) {
    hold(() => {
      messages.forEach(insert);
      if (!areOlder) cutStart();
    });
    if (areOlder) list.cutEnd();
    expire();
  },

  cutEnd() {
    while (root.children.length > MOST) {
      root.lastElementChild.remove();
      list.whole = false;
    }
  },

  remove(id) {
    list.gone.add(id);
    if (list.gone.size > MOST) list.gone.delete(list.gone.values().next().value);
    if (item(id)) hold(() => item(id).remove());
    wake(SOON);
  },

  clear() {
    root.textContent = "";
    list.changed();
  },

  hold,

  toEnd() {
    following = true;
    pane.scrollTop = pane.scrollHeight;
  },
};

pane.addEventListener("scroll", () => {
  following = list.whole && atEnd();
  list.reached({ top: pane.scrollTop < pane.clientHeight, end: atEnd() });
}, { passive: true });
addEventListener("resize", () => hold(() => {}));
document.addEventListener("visibilitychange", look);
addEventListener("pageshow", look);
