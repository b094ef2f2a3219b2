// Which messages this browser posted: the tokens that may erase them, for as long as they live.
import { clock } from "/static/clock.js";
import { element } from "/static/message.js";
import { browser } from "/static/store.js";

const NAME = "own";
let own = browser.get(NAME, {});

// Other tabs of this browser post, too.
addEventListener("storage", (event) => {
  if (event.key === NAME) own = browser.get(NAME, {});
});

function forget() {
  const now = clock.now();
  const over = Object.keys(own).filter((id) => own[id].until <= now);
  for (const id of over) delete own[id];
  if (over.length) browser.set(NAME, own);
}

export function remember(posted) {
  own = { ...browser.get(NAME, {}), [posted.id]: { token: posted.erase_token, until: posted.expires_at } };
  browser.set(NAME, own);
}

export const isOwn = (id) => id in own;

async function erase(room, id) {
  const response = await fetch(`/api/rooms/${encodeURIComponent(room)}/messages/${id}`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${own[id]?.token}` },
  });
  // 404: it is gone already, which is what was wanted.
  if (!response.ok && response.status !== 404) throw new Error((await response.json()).detail);
}

// Marks our own messages, and lets them be erased. `erased(id)` takes it off the screen at once;
// `failed(words)` says why it could not be.
export function mark(entries, room, { erased, failed }) {
  forget();
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
        document.querySelector("#pane").focus();
      } catch (error) {
        button.disabled = false;
        failed(error.name === "Error" ? error.message : "The server could not be reached: it is not erased.");
      }
    });
    entry.querySelector(".about").append(button);
  }
}
