// The messages on the screen: in order, each once, gone on time.
import { clock } from "/static/clock.js";

const root = document.querySelector("#messages");
const pane = root.parentElement;
const LONGEST_TIMER = 1_000;
const MOST = 500;
let timer;

function item(id) {
  return document.getElementById("m" + id);
}

function isAtEnd() {
  return pane.scrollHeight - pane.scrollTop - pane.clientHeight < 40;
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function render(message) {
  const entry = document.createElement("li");
  entry.id = "m" + message.id;
  entry.dataset.id = message.id;
  entry.dataset.expires = message.expires_at;
  const about = element("p", "about", "");
  const time = element("time", "", new Date(message.created_at).toISOString().slice(11, 19) + " UTC");
  time.dateTime = new Date(message.created_at).toISOString();
  about.append(element("bdi", "author", message.author), " ", time);
  const text = element("p", "text", message.text);
  text.dir = "auto";
  entry.append(about, text);
  return entry;
}

// Takes out what is over, and comes back for the next; a hidden tab's timers are late, so it is also
// done whenever the tab is shown again.
function expire() {
  clearTimeout(timer);
  let next = Infinity;
  for (const entry of [...root.children]) {
    const left = Number(entry.dataset.expires) - clock.now();
    if (left <= 0) entry.remove();
    else next = Math.min(next, left);
  }
  if (!root.children.length) root.textContent = "";
  if (next !== Infinity) timer = setTimeout(expire, Math.min(next, LONGEST_TIMER));
}

export const list = {
  expire,

  // What the server rendered.
  adopt() {
    expire();
    pane.scrollTop = pane.scrollHeight;
  },

  add(message) {
    if (item(message.id) || message.expires_at <= clock.now()) return;
    const follow = isAtEnd();
    if (!root.children.length) root.textContent = "";
    root.append(render(message));
    while (root.children.length > MOST) root.firstElementChild.remove();
    if (follow) pane.scrollTop = pane.scrollHeight;
    expire();
  },

  remove(id) {
    item(id)?.remove();
    expire();
  },

  clear() {
    root.textContent = "";
  },
};

document.addEventListener("visibilitychange", expire);
addEventListener("pageshow", expire);
