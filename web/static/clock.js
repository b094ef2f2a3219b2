// The store's clock, by which messages leave. The browser's own may be wrong, or be set meanwhile;
// performance.now only ever counts on, but stands still while a laptop sleeps.
const STEP_BACK = 5_000;
const SLEPT = 1_500;
let base = -Infinity;
let slept = 0;
// How far the browser's clock is from what counts on: it grows by a sleep.
const apart = () => Date.now() - performance.now();
let seen = apart();

export const clock = {
  // What the store answers was on its way for a while: of all it says, the latest is nearest the truth.
  hear(now) {
    clock.overhear(now);
    slept = 0;
  },

  // What it says unasked may have lain here through a sleep.
  overhear(now) {
    const heard = now - performance.now();
    if (heard > base) slept = 0;
    if (heard > base || heard < base - STEP_BACK) base = heard;
  },

  now: () => performance.now() + base,

  // The latest that it may be: what the browser's clock says was slept through may have passed.
  latest: () => clock.now() + slept,

  // Whether this browser seems to have slept since the last look: then the store is to be asked.
  hasSlept() {
    const skipped = apart() - seen;
    seen += skipped;
    if (skipped > SLEPT) slept += skipped;
    return slept > 0;
  },
};
