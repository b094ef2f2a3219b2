// Pages of the past and of what was missed: older ones when the reader scrolls up, newer ones on the
// way back, and what came between the page and the stream.
import { list } from "/static/list.js";

const PAGE = 50;

export function history(room, hear) {
  const path = `/api/rooms/${encodeURIComponent(room)}/messages`;
  const older = document.querySelector("#older");
  let loading = false, meanwhile = [];

  async function get(query) {
    const response = await fetch(`${path}?limit=${PAGE}${query}`);
    if (!response.ok) throw new Error(response.status);
    const page = await response.json();
    hear(page.now);
    return page;
  }

  async function once(load) {
    if (loading) return;
    loading = true;
    try {
      await load();
    } catch {
      // The next scroll tries again; the stream says that the server is away.
    } finally {
      loading = false;
    }
  }

  const loadOlder = () => once(async () => {
    const page = await get(`&before=${list.first}`);
    list.addPage(page.messages, { areOlder: true });
    older.hidden = page.messages.length < PAGE;
  });

  const loadNewer = () => once(async () => {
    meanwhile = [];
    const page = await get(`&after=${list.last}`);
    list.addPage(page.messages, { areOlder: false });
    if (page.messages.length === PAGE) return;
    list.whole = true;
    meanwhile.forEach(list.add);
  });

  older.querySelector("a").addEventListener("click", (event) => {
    event.preventDefault();
    loadOlder();
  });

  return {
    reached({ top, end }) {
      if (top && !older.hidden && list.first) loadOlder();
      if (end && !list.whole && list.last) loadNewer();
    },

    // A live message while the end of the list is not on the screen.
    later(message) { if (loading) meanwhile.push(message); },

    // All that the stream told after an id, page by page: given to it as events are.
    async missed(after, on) {
      for (let full = true; full;) {
        const page = await get(`&after=${after}&wait=0s`);
        if (page.gap) on.gap(page.gap);
        page.messages.forEach(on.message);
        page.erased.forEach((message) => on.erased({ message }));
        full = page.messages.length + page.erased.length >= PAGE;
        after = page.cursor;
      }
    },

    // The newest page in place of what is shown.
    async newest() {
      const page = await get("");
      list.clear();
      list.whole = true;
      older.hidden = page.messages.length < PAGE;
      list.addPage(page.messages, { areOlder: false });
      list.toEnd();
    },
  };
}
