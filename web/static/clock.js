// The store's clock, by which messages leave. The browser's own may be wrong, or be set meanwhile;
// performance.now only ever counts on.
let ahead = 0;

export const clock = {
  set(now) { ahead = now - performance.now(); },
  now: () => performance.now() + ahead,
};
