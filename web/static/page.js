// The live room: what the server rendered goes on here.
import { announce } from "/static/announce.js";
import { clock } from "/static/clock.js";
import { compose } from "/static/composer.js";
import { history } from "/static/history.js";
import { join } from "/static/join.js";
import { list } from "/static/list.js";
import { notifier } from "/static/notify.js";
import { outbox } from "/static/outbox.js";
import { isOwn, mark, remember } from "/static/own.js";
import { markRead, watchRooms } from "/static/rooms.js";
import { isAfter, left } from "/static/words.js";

const { room, cursor, now, window: written, past } = document.body.dataset;
const life = Number(written);
const find = (selector) => document.querySelector(selector);
const [status, here, fate, notice, jump, share] = ["#status", "#here", "#fate", "#notice", "#jump", "#share"].map(find);
const title = document.title;
const AGAIN = 2_000;
let last = cursor, unseen = 0;

const GAPS = {
  expired: "While you were away, messages came and went.",
  trimmed: "Older messages were cut early.",
  reset: "The history began anew.",
};

function tell(words) {
  notice.querySelector("span").textContent = words;
  notice.hidden = !words;
}

function isLiveNow(live) {
  status.textContent = live ? "Live" : "Reconnecting …";
  status.className = live ? "live" : "away";
  if (live) pending.flush();
}

function show() {
  const latest = Math.max(0, ...list.entries().map((entry) => Number(entry.dataset.expires)));
  fate.textContent = latest ? `empty in ${left(latest - clock.now())}` : `gone after ${left(life)}`;
  mark(list.entries(), room, { erased: list.remove, failed: tell });
  if (list.following && list.whole && !document.hidden) {
    unseen = 0;
    if (list.last) markRead(room, list.last, life);
  }
  jump.hidden = unseen === 0 && list.whole;
  jump.textContent = unseen ? `${unseen} new ↓` : "Newest ↓";
  navigator.setAppBadge?.(unseen).catch(() => {});
  document.title = unseen ? `(${unseen}) ${title}` : title;
}

function take(message) {
  rooms.touch();
  const own = pending.arrived(message) || isOwn(message.id);
  if (!list.whole) pages.later(message);
  else if (!list.add(message)) return;
  if (!own) {
    announce(message);
    notifications.tell(message.expires_at - clock.now());
    if (document.hidden || !list.following) unseen += 1;
  }
}

// Another tab's connection stood at another id when we came: what lies between we ask for.
async function joined({ last: from, live, here: count }) {
  if (live) isLiveNow(true);
  if (count !== undefined) showHere(count);
  await catchUp(from, last);
}

async function catchUp(to, from) {
  try {
    if (to !== from) await pages.missed(from, { ...on, gap: gapped });
  } catch {
    setTimeout(catchUp, AGAIN, to, from);
  }
}

function gapped(gap) {
  if (gap.reason === "reset") list.clear();
  tell(GAPS[gap.reason]);
  rooms.touch();
}

function showHere(count) {
  here.textContent = count ? `${count} here` : "";
}

const on = {
  joined,
  hello(hello) {
    clock.overhear(hello.now);
    list.expire();
    isLiveNow(true);
    showHere(hello.here);
  },
  present: (present) => showHere(present.here),
  message: take,
  erased: (erased) => list.remove(erased.message),
  gap(gap) {
    if (gap.reason === "reset" || isAfter(gap.until, last)) gapped(gap);
  },
  heartbeat: (beat) => clock.overhear(beat.now),
  away: () => isLiveNow(false),
};

clock.hear(Number(now));
list.whole = past === undefined;
list.changed = () => show();
list.reached = (edges) => { pages.reached(edges); show(); };
list.doubt = () => rooms.look();

const pages = history(room, clock.hear);
const notifications = notifier(room);
const composer = compose(find("#composer"), room, life, (draft) => {
  if (!list.whole) pages.newest().catch(() => {});
  list.toEnd();
  pending.add(draft);
});
const pending = outbox(room, life, {
  posted(message, rate) {
    remember(message);
    composer.rate(rate);
    composer.held(0);
    if (list.whole) list.add(message);
    show();
  },
  edit: (draft) => composer.edit(draft),
  held: (seconds) => composer.held(seconds),
  over: () => tell("A text that could not be sent in its time was let go."),
  maybe: () => tell("It may be in the room already: the server did not answer."),
});
const rooms = watchRooms(room);

list.start();
pending.restore();
join(room, () => last, (kind, data, id) => {
  on[kind]?.(data);
  if (id && (kind === "hello" || data.reason === "reset" || isAfter(id, last))) last = id;
});

notice.querySelector("button").addEventListener("click", () => tell(""));
jump.addEventListener("click", () => {
  if (list.whole) list.toEnd();
  else pages.newest().catch(() => tell("The server could not be reached."));
});
document.addEventListener("visibilitychange", show);

share.hidden = false;
share.addEventListener("click", async () => {
  const url = `${location.origin}/r/${encodeURIComponent(room)}`;
  try {
    if (navigator.share) await navigator.share({ title: document.title, url });
    else await navigator.clipboard.writeText(url).then(() => tell("The room's address was copied."));
  } catch (error) {
    if (error.name !== "AbortError") tell(`The room's address: ${url}`);
  }
});

navigator.serviceWorker?.register("/sw.js").catch(() => {});
