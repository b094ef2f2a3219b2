// Which messages this browser posted: the tokens that may erase them, for as long as they live.
import { clock } from "/static/clock.js";
import { element } from "/static/message.js";
import { browser } from "/static/store.js";

const NAME = "own";

function living() {
  const now = clock.now();
  return Object.fromEntries(Object.entries(browser.get(NAME, {})).filter(([, own]) => own.until > now));
}

export function remember(posted) {
  browser.set(NAME, { ...living(), [posted.id]: { token: posted.erase_token, until: posted.expires_at } });
}

export function isOwn(id) {
  return id in living();
}

async function erase(room, id) {
  const response = await fetch(`/api/rooms/${encodeURIComponent(room)}/messages/${id}`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${living()[id]?.token}` },
  });
  // 404: it is gone already, which is what was wanted.
  if (!response.ok && response.status !== 404) throw new Error((await response.json()).detail);
}

// Marks our own messages, and lets them be erased. `erased(id)` takes it off the screen at once;
// `failed(words)` says why it could not be.
export function mark(entries, room, { erased, failed }) {
  const own = living();
  browser.set(NAME, own);
  for (const entry of entries) {
    const { id } = entry.dataset;
    if (!(id in own) || entry.classList.contains("own")) continue;
    entry.classList.add("own");
    const button = element("button", "plain", "Erase");
    button.type = "button";
    button.title = "Erase it from every screen";
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await erase(room, id);
        erased(id);
      } catch (error) {
        button.disabled = false;
        failed(error.name === "Error" ? error.message : "The server could not be reached: it is not erased.");
      }
    });
    entry.querySelector(".about").append(button);
  }
}
