// The form: what is written, how long it may be, how soon the next may follow; drafts.
import { clock } from "/static/clock.js";
import { browser, tab } from "/static/store.js";

const problem = document.querySelector("#problem");
const limits = document.querySelector("#limits");
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const NEAR = 0.8;
const FEW = 3;

export function compose(form, room, window, send) {
  const { text, author, ttl } = form.elements;
  const most = text.maxLength;
  const name = `draft:${room}`;
  let left = null, held = 0;

  // Counted as the server counts, in code points, and told before it bites.
  function measure() {
    const length = [...text.value].length;
    const over = length > most;
    text.setCustomValidity(over ? `${length - most} characters too many` : "");
    const words = [];
    if (length >= most * NEAR) words.push(`${length} / ${most}`);
    if (held > 0) words.push(`next in ${held} s`);
    else if (left !== null && left <= FEW) words.push(left === 1 ? "1 more post now" : `${left} more posts now`);
    limits.textContent = words.join(" · ");
    limits.classList.toggle("bad", over);
  }

  function keep() {
    tab.set(name, text.value ? { text: text.value, at: clock.now() } : null);
  }

  // A draft lives no longer than a message.
  function restore() {
    const draft = tab.get(name, null);
    if (!draft) return;
    if (clock.now() - draft.at > window) tab.set(name, null);
    else if (!text.value) text.value = draft.text;
  }

  text.removeAttribute("maxlength");
  author.value ||= browser.get("name", "");
  const life = tab.get("life", "");
  if ([...ttl.options].some((option) => option.value === life)) ttl.value = life;
  restore();
  measure();

  text.addEventListener("input", () => { problem.textContent = ""; keep(); measure(); });
  author.addEventListener("change", () => browser.set("name", author.value || null));
  ttl.addEventListener("change", () => tab.set("life", ttl.value));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    problem.textContent = "";
    if (!text.value.trim()) return;
    const [, number, unit] = ttl.value.match(/^(\d+)(\D+)$/);
    const life = number * UNITS[unit];
    send({ text: text.value, author: author.value, ttl: ttl.value, life });
    text.value = "";
    keep();
    measure();
    text.focus();
  });

  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });

  return {
    // The RateLimit field of an answer: how many may follow at once, and in how long all may again.
    rate(field) {
      const [, rest, reset] = field?.match(/r=(\d+);t=(\d+)/) ?? [];
      if (rest === undefined) return;
      left = Number(rest);
      measure();
      setTimeout(() => { left = null; measure(); }, reset * 1_000);
    },
    held(seconds) { held = seconds; measure(); },
    edit(draft) {
      text.value = text.value ? `${draft.text}\n${text.value}` : draft.text;
      keep();
      measure();
      text.focus();
    },
  };
}
