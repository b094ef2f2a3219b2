// Posting. A text that could not be sent stays, with the reason; sent again it has the same key, so
// that it is never posted twice.
const problem = document.querySelector("#problem");
const UNREACHED = "The server could not be reached. Your text is still here: try again.";

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function compose(form, room) {
  const { text, author, ttl } = form.elements;
  const button = form.querySelector("button");
  let sent = { body: "", key: "" };

  async function send() {
    const body = JSON.stringify({ text: text.value, author: author.value, ttl: ttl.value });
    if (body !== sent.body) sent = { body, key: newKey() };
    const response = await fetch(`/api/rooms/${encodeURIComponent(room)}/messages`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": sent.key },
      body,
    });
    if (!response.ok) {
      problem.textContent = (await response.json()).detail;
      return;
    }
    sent = { body: "", key: "" };
    problem.textContent = "";
    text.value = "";
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await send();
    } catch {
      problem.textContent = UNREACHED;
    } finally {
      button.disabled = false;
      text.focus();
    }
  });

  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}
