// Figures in words: a number and its unit.
const whole = new Intl.NumberFormat("en");
const time = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const UNITS = ["B", "KB", "MB", "GB", "TB"];

export const count = (number) => whole.format(number);
export const clockTime = (ms) => time.format(ms);
export const some = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export function age(ms) {
  for (const [unit, size] of [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000]]) {
    if (ms >= 2 * size) return `${Math.floor(ms / size)} ${unit}`;
  }
  if (ms < 50) return "0 s";
  return ms >= 10_000 ? `${Math.floor(ms / 1_000)} s` : `${Number((ms / 1_000).toFixed(1))} s`;
}

export function bytes(number) {
  let [size, at] = [number, 0];
  while (size >= 1_024 && at < UNITS.length - 1) [size, at] = [size / 1_024, at + 1];
  return `${size >= 100 || at === 0 ? Math.round(size) : size.toFixed(1)} ${UNITS[at]}`;
}

// The ends of an axis that have room for a value, in numbers that people say.
const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];
const TIMES = [1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400].map((s) => s * 1_000);

export function roundCount(value) {
  const size = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return size * STEPS.find((step) => size * step >= value);
}

export const roundTime = (ms) => TIMES.find((step) => step >= ms) ?? 86_400_000 * Math.ceil(ms / 86_400_000);

export const roundBytes = (number) => 2 ** Math.ceil(Math.log2(Math.max(number, 1)));
