// One message as an element, and what changes on it while it lives.
import { clock } from "/static/clock.js";
import { linked } from "/static/links.js";
import { hue, initial, left, long, short } from "/static/words.js";

const LATE = 0.2;
const LAST = 10_000;
const LEAVING = 2_500;

export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// The frame of a message, sent or not yet: a face, who says it, what.
export function frame(author, text, ...about) {
  const face = element("span", "face", element("b", "", initial(author)));
  face.ariaHidden = "true";
  face.style.setProperty("--hue", hue(author));
  const said = element("p", "text", ...linked(text));
  said.dir = "auto";
  const head = element("p", "about", element("bdi", "author", author), " ", ...about);
  return element("li", "message", face, element("div", "says", head, said));
}

export function render(message) {
  const time = element("time");
  const rest = element("span", "left", element("span", "unseen"), element("span"));
  const made = frame(message.author, message.text, time, " ", rest);
  made.id = "m" + message.id;
  Object.assign(made.dataset, {
    id: message.id, author: message.author, created: message.created_at, expires: message.expires_at,
  });
  adopt(made);
  return made;
}

// What the server rendered, or we just did: in the reader's own time zone.
export function adopt(entry) {
  const created = Number(entry.dataset.created), time = entry.querySelector("time");
  time.dateTime = new Date(created).toISOString();
  time.textContent = short(created);
  time.title = long(created);
  const rest = entry.querySelector(".left");
  rest.title = `Gone at ${long(Number(entry.dataset.expires))}`;
  rest.firstElementChild.textContent = "gone in ";
}

// Shows how much is left.
export function age(entry) {
  const created = Number(entry.dataset.created), expires = Number(entry.dataset.expires);
  const rest = expires - clock.now(), part = Math.min(1, rest / (expires - created));
  const words = left(rest), shown = entry.querySelector(".left > :last-child");
  if (shown.textContent !== words) shown.textContent = words;
  entry.style.setProperty("--life", Math.max(0, part).toFixed(3));
  entry.classList.toggle("late", part < LATE && rest >= LAST);
  entry.classList.toggle("last", rest < LAST);
  entry.classList.toggle("leaving", rest < LEAVING);
}
