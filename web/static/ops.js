// The operators' page: asks for the token, then looks once a second.
import { clock } from "/static/clock.js";
import { Refused, read, token } from "/static/ops-api.js";
import { charts } from "/static/ops-charts.js";
import { showGroups } from "/static/ops-groups.js";
import { letters } from "/static/ops-letters.js";
import { replay } from "/static/ops-replay.js";

const find = (selector) => document.querySelector(selector);
const [gate, board, status, refused, leave] = ["#gate", "#board", "#status", "#refused", "#leave"].map(find);
const FIGURES = 1_000, GROUPS = 2_000, LETTERS = 5_000;

const dead = letters(find("#letters"), find("#dug"), find("#no-letters"), find("#sure"));
const past = replay(find("#replay"), find("#span"), find("#rows"), find("#played"));
let watched, life = null;

const looks = {
  async figures(signal) {
    const found = await read(`/api/ops/figures?after=${watched.after()}`, { signal });
    clock.hear(found.now);
    open();
    watched.show(found);
    past.setWindow(found.window);
    for (const each of [past, dead]) each.erase(found.erased);
    isLive(found.store !== null, "The store does not answer");
  },
  async groups(signal) {
    const found = await read("/api/ops/groups", { signal });
    watched.showGroups(found);
    showGroups(find("#groups"), found.groups);
  },
  letters: (signal) => dead.refresh(signal),
};

function isLive(live, words) {
  status.textContent = live ? "Live" : words;
  status.className = live ? "live" : "away";
}

function open() {
  gate.hidden = true;
  board.hidden = leave.hidden = false;
}

// Looks again and again. What fails says so and is tried again; a token that is not taken ends it all.
async function watch(name, every, signal) {
  while (!signal.aborted) {
    try {
      await looks[name](signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status === 401) {
        close("That is not the token.");
        return;
      }
      isLive(false, error instanceof Refused ? error.message : "The server does not answer");
    }
    await new Promise((done) => setTimeout(done, every));
  }
}

function enter() {
  life = new AbortController();
  watched = charts(find("#window"), find("#charts"));
  watch("figures", FIGURES, life.signal);
  watch("groups", GROUPS, life.signal);
  watch("letters", LETTERS, life.signal);
}

// Forgets the token and all that it has shown.
function close(words = "") {
  life?.abort();
  token.forget();
  dead.clear();
  past.clear();
  find("#groups").replaceChildren();
  for (const place of ["#window", "#charts"]) find(place).replaceChildren();
  board.hidden = leave.hidden = true;
  gate.hidden = false;
  status.textContent = status.className = "";
  refused.textContent = words;
  find("#token").focus();
}

gate.addEventListener("submit", (event) => {
  event.preventDefault();
  refused.textContent = "";
  token.keep(find("#token").value.trim());
  find("#token").value = "";
  life?.abort();
  enter();
});
leave.addEventListener("click", () => close());
// What a browser keeps of a page that was left must not show it.
addEventListener("pagehide", () => {
  dead.clear();
  past.clear();
});
setInterval(() => {
  clock.hasSlept();
  dead.expire();
  past.expire();
}, FIGURES);

gate.querySelector("button").disabled = false;
if (token.get()) enter();
