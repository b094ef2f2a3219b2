// Times and numbers in words, as web/shown.py writes them.
const SECOND = 1_000, MINUTE = 60_000, HOUR = 3_600_000, DAY = 86_400_000;
const HUES = 12;

const some = (number, unit) => (number > 0 ? ` ${number} ${unit}` : "");

export function left(ms) {
  if (ms >= DAY) return `${Math.floor(ms / DAY)} d${some(Math.floor((ms % DAY) / HOUR), "h")}`;
  if (ms >= HOUR) return `${Math.floor(ms / HOUR)} h${some(Math.floor((ms % HOUR) / MINUTE), "min")}`;
  if (ms >= MINUTE) return `${Math.floor(ms / MINUTE)} min`;
  return `${Math.ceil(Math.max(ms, 0) / SECOND)} s`;
}

const hours = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium" });

export const short = (ms) => hours.format(ms);
export const long = (ms) => exact.format(ms);

export function initial(author) {
  const letter = [...author].find((character) => /\p{L}/u.test(character));
  return letter ? [...letter.toUpperCase()][0] : "?";
}

export function hue(author) {
  let found = 0;
  for (const character of author) found = (found * 31 + character.codePointAt(0)) % 4_093;
  return found % HUES;
}

// Ids are compared as two numbers; where both are long they are more than a float holds.
export function isAfter(id, other) {
  const [ms, seq] = id.split("-"), [otherMs, otherSeq] = other.split("-");
  return ms === otherMs ? BigInt(seq) > BigInt(otherSeq) : Number(ms) > Number(otherMs);
}
