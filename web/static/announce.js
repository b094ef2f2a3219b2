// Tells those who hear the page what was said, without shouting: one message by its words, several at
// once by their number. It is taken back after a moment, so that nothing stays that is over.
import { clock } from "/static/clock.js";

const region = document.querySelector("#said");
const GATHER = 1_000;
const STAY = 5_000;
let waiting = [];
let telling, clearing;

function tell() {
  const living = waiting.filter((message) => message.expires_at > clock.now() + GATHER);
  const [only] = living;
  waiting = [];
  telling = null;
  if (!only) return;
  region.textContent = living.length === 1 ? `${only.author}: ${only.text}` : `${living.length} new messages`;
  clearTimeout(clearing);
  clearing = setTimeout(() => { region.textContent = ""; }, Math.min(STAY, only.expires_at - clock.now()));
}

export function announce(message) {
  if (document.hidden) return;
  waiting.push(message);
  telling ??= setTimeout(tell, GATHER);
}
