// Which figures are charted, in which words, and when one is wrong. The bounds are those of the alerts
// (docs/operations.md).
import { ages } from "/static/ops-ages.js";
import { line } from "/static/ops-line.js";
import { age, bytes, count, roundBytes, roundCount, roundTime, some } from "/static/ops-words.js";

const LAG_MS = 10_000, ERASURE_MS = 1_000, FULL = 0.9;

const counted = (unit) => ({ round: roundCount, words: (number) => `${count(number)} ${unit}`, split: (number) => [count(number), unit] });
const timed = { round: roundTime, words: age, split: (ms) => age(ms).split(" ") };
const highest = (partitions, name) => Math.max(0, ...partitions.map((each) => each[name]));
const total = (partitions, name) => partitions.reduce((sum, each) => sum + each[name], 0);

export function charts(window, place) {
  const shown = ages();
  const posts = line({ title: "Posts", about: "in all rooms, by any process", least: 5, ...counted("a second") });
  const deliveries = line({ title: "Deliveries", about: "events handed to readers", least: 5, ...counted("a second") });
  const subscribers = line({ title: "Subscribers", about: "live connections", least: 5, ...counted("readers") });
  const projector = line({
    title: "Projector lag", about: "age of the oldest entry that is not in the view", least: 1_000, ...timed,
    judge: (ms) => (ms > LAG_MS ? "Older pages are behind: does a worker run?" : ""),
  });
  const groups = line({
    title: "Consumer groups' lag", about: "age of the oldest entry that a group was not handed", least: 1_000, isWide: true, ...timed,
  });
  const erasure = line({
    title: "Erasure delay", about: "how late the oldest entry of the last sweep was", least: 1_000, ...timed,
    judge: (ms) => (ms > ERASURE_MS ? "Texts outlived their time by more than a second." : ""),
  });
  const memory = line({
    title: "Store memory", about: "no limit is set", least: 1_048_576, round: roundBytes,
    words: bytes, split: (number) => bytes(number).split(" "),
  });
  window.replaceChildren(shown.figure);
  place.replaceChildren(...[posts, deliveries, subscribers, projector, groups, erasure, memory].map((each) => each.figure));

  function showStore({ now, store }) {
    const { partitions } = store, limit = store.max_memory;
    projector.put("projector", now, highest(partitions, "lag_ms"));
    projector.show(now, `${some(total(partitions, "lag"), "entry", "entries")} not handed to it, ${count(total(partitions, "pending"))} pending`, { value: LAG_MS });
    erasure.put("erasure", now, highest(partitions, "erasure_delay_ms"));
    const swept = highest(partitions, "since_sweep_ms");
    const isNever = partitions.some((each) => each.since_sweep_ms < 0);
    erasure.show(now, isNever ? "Nobody has swept yet: does a worker run?" : `last sweep ${age(swept)} ago`, { value: ERASURE_MS });
    memory.put("memory", now, store.used_memory);
    memory.show(now, limit ? `${Math.round(100 * store.used_memory / limit)} % of ${bytes(limit)}${store.used_memory > FULL * limit ? ": soon posts will be refused" : ""}` : "", limit ? { value: limit } : null);
  }

  return {
    // From when on seconds are still to be asked for: the newest may have been told too early.
    after: () => Math.max(0, posts.last("posts") - 3_000),

    show(figures) {
      const { now } = figures;
      shown.show(figures);
      for (const [at, posted, delivered] of figures.seconds) {
        posts.put("posts", at, posted);
        deliveries.put("deliveries", at, delivered);
      }
      posts.show(now);
      deliveries.show(now);
      subscribers.put("subscribers", now, figures.subscribers);
      subscribers.show(now);
      if (figures.store) showStore(figures);
      else for (const each of [projector, erasure, memory]) each.show(now, "The store does not answer.");
    },

    showGroups({ now, groups: found }) {
      const lags = new Map();
      for (const { group, lag_ms: lag } of found) {
        if (group !== "projector") lags.set(group, Math.max(lags.get(group) ?? 0, lag));
      }
      groups.drop(lags);
      for (const [name, lag] of lags) groups.put(name, now, lag);
      groups.show(now, lags.size ? "" : "There are no groups but the projector's.");
    },
  };
}
