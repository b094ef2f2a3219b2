// The store's clock, by which messages leave. The browser's own may be wrong, or be set meanwhile;
// performance.now only ever counts on, but stands still while a laptop sleeps.
const STEP_BACK = 5_000;
const SLEPT = 1_500;
let base = -Infinity;
let slept = 0;
let seen = { wall: Date.now(), steady: performance.now() };

export const clock = {
  // What the store said was on its way for a while: of all it says, the latest is nearest the truth.
  hear(now) {
    const heard = now - performance.now();
    if (heard > base || heard < base - STEP_BACK) base = heard;
    slept = 0;
  },

  now: () => performance.now() + base,

  // The latest that it may be: what the browser's clock says was slept through may have passed.
  latest: () => clock.now() + slept,

  // Whether this browser seems to have slept since the last look: then the store is to be asked.
  hasSlept() {
    const now = { wall: Date.now(), steady: performance.now() };
    const skipped = now.wall - seen.wall - (now.steady - seen.steady);
    seen = now;
    if (skipped > SLEPT) slept += skipped;
    return slept > 0;
  },
};
