// Dead letters: which there are, and what is done with them. What is in one is shown only when asked for.
import { clock } from "/static/clock.js";
import { ask, read } from "/static/ops-api.js";
import { keep, make } from "/static/ops-make.js";
import { age, clockTime, some } from "/static/ops-words.js";
import { left } from "/static/words.js";

const LETTERS = "/api/ops/letters";
const DONE = { requeue: "handed to the group again", drop: "dropped" };
const pathOf = ({ group, partition, entry }) => `${LETTERS}/${encodeURIComponent(group)}/${partition}/${entry}`;

export function letters(root, said, none, sure) {
  const known = new Map();

  const tell = (words, isBad = false) => {
    said.textContent = words;
    said.className = isBad ? "bad" : "";
  };

  // Whether the operator means it.
  async function isSure(title, words) {
    sure.querySelector("h2").textContent = title;
    sure.querySelector("p").textContent = words;
    sure.returnValue = "no";
    sure.showModal();
    await new Promise((done) => sure.addEventListener("close", done, { once: true }));
    return sure.returnValue === "yes";
  }

  async function dig(verb, path, group) {
    try {
      const how = verb === "drop" ? [path, { method: "DELETE" }] : [`${path}/requeue`, { method: "POST" }];
      const { done, gone } = await read(...how);
      tell(`${group}: ${some(done, "dead letter")} ${DONE[verb]}.${gone.length ? ` ${gone.length} can't be: their entries are no more in the log.` : ""}`, gone.length > 0);
    } catch (error) {
      tell(`${group}: ${error.message}.`, true);
    }
    await refresh();
  }

  const requeue = (letter) => dig("requeue", pathOf(letter), letter.group);
  async function drop(letter) {
    const words = `${letter.group} will never be handed ${letter.entry} again. The message itself lives on.`;
    if (await isSure("Drop this dead letter?", words)) await dig("drop", pathOf(letter), letter.group);
  }
  async function dropAll(group) {
    const words = `${group} will never be handed them again. The messages themselves live on.`;
    if (await isSure(`Drop all dead letters of ${group}?`, words)) await dig("drop", `${LETTERS}/${encodeURIComponent(group)}`, group);
  }

  function hide(row) {
    row.querySelector("dl")?.remove();
    const button = row.querySelector("[aria-expanded]");
    button.textContent = "Show";
    button.setAttribute("aria-expanded", "false");
  }

  async function show(letter, row) {
    if (row.querySelector("dl")) return hide(row);
    try {
      const whole = await read(pathOf(letter));
      const facts = { ...whole.fields, error: whole.error };
      if (row.querySelector("dl") || whole.expires_at <= clock.latest()) return undefined;
      row.append(make("dl", {}, ...Object.entries(facts).flatMap(([name, value]) => [make("dt", {}, name), make("dd", { dir: "auto" }, value)])));
      const button = row.querySelector("[aria-expanded]");
      button.textContent = "Hide";
      button.setAttribute("aria-expanded", "true");
    } catch (error) {
      tell(`${error.message}.`, true);
    }
    return undefined;
  }

  function row(letter) {
    const label = `of ${letter.group}, ${letter.entry}`;
    const item = make("li", {},
      make("p", { class: "error" }, letter.error || "no reason was given"),
      make("p", { class: "about" }, `${letter.room ? `${letter.room} · ` : ""}${letter.partition}/${letter.entry} · ${some(letter.attempts, "attempt")} · given up ${clockTime(letter.buried_at)} · `, make("span", { class: "goes" })),
      make("div", { class: "row" },
        make("button", { type: "button", class: "ghost", "aria-expanded": "false", "aria-label": `Show ${label}`, click: () => show(letter, item) }, "Show"),
        make("button", { type: "button", class: "ghost", "aria-label": `Requeue ${label}`, click: () => requeue(letter) }, "Requeue"),
        make("button", { type: "button", class: "ghost danger", "aria-label": `Drop ${label}`, click: () => drop(letter) }, "Drop")));
    return item;
  }

  function block(group) {
    return make("div", { class: "letters" },
      make("div", { class: "row" }, make("h3", {}, group), make("span", { class: "number" }),
        make("button", { type: "button", class: "ghost", "aria-label": `Requeue all of ${group}`, click: () => dig("requeue", `${LETTERS}/${encodeURIComponent(group)}`, group) }, "Requeue all"),
        make("button", { type: "button", class: "ghost danger", "aria-label": `Drop all of ${group}`, click: () => dropAll(group) }, "Drop all")),
      make("ul"));
  }

  async function refresh(signal) {
    const { letters: found, is_whole: isWhole } = await read(LETTERS, { signal });
    known.clear();
    for (const each of found) {
      if (!known.has(each.group)) known.set(each.group, new Map());
      known.get(each.group).set(`${each.partition}/${each.entry}/${each.buried_at}`, each);
    }
    keep(root, known.keys(), block);
    for (const each of root.children) {
      const of = known.get(each.dataset.key);
      each.querySelector(".number").textContent = isWhole ? some(of.size, "letter") : `the first ${of.size} are shown`;
      keep(each.querySelector("ul"), of.keys(), (key) => row(of.get(key)));
    }
    expire();
  }

  // Takes out what is over, also between two looks.
  function expire() {
    const now = clock.latest();
    for (const each of root.children) {
      for (const item of [...each.querySelectorAll("li")]) {
        const letter = known.get(each.dataset.key)?.get(item.dataset.key);
        if (!letter || letter.expires_at <= now) item.remove();
        else item.querySelector(".goes").textContent = `gone in ${left(letter.expires_at - now)}`;
      }
      if (!each.querySelector("li")) each.remove();
    }
    none.hidden = root.children.length > 0;
  }

  return {
    refresh,
    expire,
    // An erased message takes its dead letters along.
    erase(erased) {
      const gone = new Set(erased.map(String));
      for (const of of known.values()) for (const [key, { room, entry }] of of) if (gone.has(`${room},${entry}`)) of.delete(key);
      if (erased.length) expire();
    },
    clear() {
      known.clear();
      root.replaceChildren();
      tell("");
    },
  };
}
