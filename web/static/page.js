// The live room: what the server rendered goes on here, by server-sent events.
import { clock } from "/static/clock.js";
import { follow } from "/static/stream.js";
import { list } from "/static/list.js";
import { compose } from "/static/composer.js";

const { room, cursor, now } = document.body.dataset;
const status = document.querySelector("#status");
const notice = document.querySelector("#notice");

const GAPS = {
  expired: "While you were away, messages came and went.",
  trimmed: "The store was full: older messages were cut early.",
  reset: "The history began anew.",
};

clock.set(Number(now));
list.adopt();

follow(room, cursor, {
  hello(hello) {
    clock.set(hello.now);
    list.expire();
    status.textContent = "Live";
  },
  message: list.add,
  erased: (erased) => list.remove(erased.message),
  gap(gap) {
    if (gap.reason === "reset") list.clear();
    notice.textContent = GAPS[gap.reason];
    notice.hidden = false;
  },
  away: () => { status.textContent = "Reconnecting …"; },
});

compose(document.querySelector("#composer"), room);
