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
  return ms >= 10_000 ? `${Math.floor(ms / 1_000)} s` : `${(ms / 1_000).toFixed(1)} s`;
}

export function bytes(number) {
  let [size, at] = [number, 0];
  while (size >= 1_024 && at < UNITS.length - 1) [size, at] = [size / 1_024, at + 1];
  return `${size >= 100 || at === 0 ? Math.round(size) : size.toFixed(1)} ${UNITS[at]}`;
}

// The end of an axis that has room for a value: 1, 2 or 5 and noughts.
export function roundUp(value, base = 10) {
  const size = base ** Math.floor(Math.log(value) / Math.log(base));
  const steps = base === 10 ? [1, 2, 5, 10] : [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
  return size * steps.find((step) => size * step >= value * 0.999999);
}
