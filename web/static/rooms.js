// The live rooms beside the messages: when the last message of each goes, how many are there, and
// which have something new since this browser was in them.
import { clock } from "/static/clock.js";
import { element } from "/static/message.js";
import { browser } from "/static/store.js";
import { isAfter, left, short } from "/static/words.js";

const root = document.querySelector("#rooms ul");
const MOST = 50;
const LOOK = 10_000;
const SOON = 1_500;
const READ = "read";
let known = [];

function row(facts, room, read) {
  const link = element("a", "", element("bdi", "", facts.room), " ");
  link.href = `/r/${encodeURIComponent(facts.room)}`;
  link.dataset.room = facts.room;
  if (facts.room === room) link.ariaCurrent = "page";
  else if (facts.last_id && read[facts.room] && isAfter(facts.last_id, read[facts.room])) {
    link.className = "unread";
    link.append(element("span", "unseen", "(new messages) "));
  }
  if (facts.here) link.append(element("span", "here", `${facts.here} here`), " ");
  const rest = facts.expires_at - clock.now();
  const last = facts.last_posted_at ? `${short(facts.last_posted_at)} · ` : "";
  link.append(element("small", "", rest > 0 ? `${last}empty in ${left(rest)}` : "empty"));
  return element("li", "", link);
}

function draw(room) {
  const focused = document.activeElement?.closest("#rooms li a")?.dataset.room;
  const living = known.filter((facts) => facts.expires_at > clock.now() || facts.here);
  for (const name of [room, "lobby"]) {
    if (!living.some((facts) => facts.room === name)) living.push({ room: name, expires_at: 0 });
  }
  const read = browser.get(READ, {});
  const rows = living.slice(0, MOST).map((facts) => row(facts, room, read));
  if (living.length > MOST) rows.push(element("li", "", `and ${living.length - MOST} more`));
  root.replaceChildren(...rows);
  if (focused) [...root.querySelectorAll("a")].find((link) => link.dataset.room === focused)?.focus();
}

// This browser has seen the room up to this id. What is older than any message lives is forgotten.
export function markRead(room, id, window) {
  const oldest = clock.now() - window;
  const read = Object.entries(browser.get(READ, {})).filter(([, last]) => parseInt(last) > oldest);
  browser.set(READ, { ...Object.fromEntries(read), [room]: id });
}

export function watchRooms(room) {
  async function look() {
    if (!document.hidden) {
      try {
        const response = await fetch("/api/rooms");
        const { now, rooms } = await response.json();
        clock.hear(now);
        known = rooms;
        draw(room);
      } catch {
        // The stream says that the server is away.
      }
    }
  }
  let soon;
  look();
  setInterval(look, LOOK);
  document.addEventListener("visibilitychange", look);
  return {
    look,
    // Something was said here: the list knows of it in a moment.
    touch() {
      soon ??= setTimeout(() => { soon = null; look(); }, SOON);
    },
  };
}
