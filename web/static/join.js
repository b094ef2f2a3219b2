// A tab's way into a room's events: through the connection that all tabs share, or by its own.
import { follow } from "/static/stream.js";

const HERE = 30_000;

// Calls on(kind, data, id) as stream.js does; on("joined", {last, live}) says from where on events
// come that another tab's connection brings. `last` tells the id up to which this tab has all.
export function join(room, last, on) {
  let port;
  try {
    const worker = new SharedWorker("/static/hub.js", { type: "module", name: "messenger" });
    worker.addEventListener("error", alone);
    port = worker.port;
  } catch {
    alone();
  }
  if (port) share();

  function alone() {
    port = null;
    const stream = follow(room, last(), on);
    addEventListener("online", () => stream.hurry());
    addEventListener("pagehide", () => stream.stop());
    addEventListener("pageshow", (event) => { if (event.persisted) stream.hurry(); });
  }

  function share() {
    const say = (what) => port?.postMessage({ say: what, room, after: last() });
    const enter = () => say("enter");
    port.addEventListener("message", ({ data: { kind, data, id } }) => {
      if (kind === "lost") enter();
      else on(kind, data, id);
    });
    port.start();
    enter();
    setInterval(() => say("here"), HERE);
    addEventListener("online", () => say("hurry"));
    addEventListener("pagehide", () => say("leave"));
    addEventListener("pageshow", (event) => { if (event.persisted) enter(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) say("here"); });
  }
}
