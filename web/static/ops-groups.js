// The table of consumer groups: a row for each on each partition.
import { keep, make } from "/static/ops-make.js";
import { age, count } from "/static/ops-words.js";

const COUNTED_TO = 10_000;

const cells = (one) => [
  one.partition,
  count(one.lag) + (one.lag >= COUNTED_TO ? " or more" : ""), one.lag ? age(one.lag_ms) : "–",
  count(one.pending), one.pending ? age(one.oldest_pending_ms) : "–",
  count(one.dead_letters), count(one.handled), count(one.expired), count(one.redelivered),
  one.consumers.map(({ name, pending, idle_ms: idle }) => `${name} (${count(pending)} pending, ${age(idle)})`).join(", ") || "none",
];

export function showGroups(body, groups) {
  const found = new Map(groups.map((one) => [`${one.partition} ${one.group}`, one]));
  keep(body, found.keys(), (key) => make("tr", {}, make("th", { scope: "row" }, found.get(key).group)));
  for (const row of body.children) {
    const texts = cells(found.get(row.dataset.key));
    while (row.children.length <= texts.length) row.append(make("td"));
    texts.forEach((text, at) => { row.children[at + 1].textContent = text; });
    row.children[6].classList.toggle("bad", found.get(row.dataset.key).dead_letters > 0);
  }
}
