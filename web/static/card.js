// A text that is not in the room yet, as an element: how it stands with it, and what can be done.
import { list } from "/static/list.js";
import { element, frame } from "/static/message.js";

const root = document.querySelector("#pending");

export function card({ author, text }) {
  const state = element("p", "state", element("span")), words = state.firstChild;
  const made = frame(author || "anonymous", text);
  let shown;
  made.querySelector(".says").append(state);
  made.classList.add("own");
  list.hold(() => root.append(made));

  return {
    // `choices` are [label, act] pairs; their buttons stay while the words change, and so does the focus.
    say(said, choices, isBad = false) {
      words.textContent = said;
      made.classList.toggle("failed", isBad);
      if (shown === choices) return;
      shown = choices;
      state.replaceChildren(words, ...choices.map(([label, act]) => {
        const button = element("button", "plain", label);
        button.type = "button";
        button.addEventListener("click", act);
        return button;
      }));
    },

    remove() {
      list.hold(() => made.remove());
      if (!root.children.length) root.textContent = "";
    },
  };
}
