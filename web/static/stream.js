// One room's events. The browser resumes by the last id it saw; only when it gives up (an answer
// that is not a stream) do we begin again ourselves.
const KINDS = ["hello", "present", "message", "erased", "gap", "farewell"];
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 15_000;

// Calls on(kind, data, id) for each event, and on("away") when the connection is lost.
export function follow(room, after, on) {
  let last = after, wait = FIRST_WAIT, source, timer;

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(`/api/rooms/${encodeURIComponent(room)}/events?after=${last}`);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (event.lastEventId) last = event.lastEventId;
        wait = FIRST_WAIT;
        on(kind, JSON.parse(event.data), last);
      });
    }
    source.addEventListener("error", () => {
      on("away");
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    });
  }

  open();
  return {
    get last() { return last; },
    // There is a network again: no need to wait out the back-off.
    hurry() { if (source.readyState !== EventSource.OPEN) open(); },
    stop() { clearTimeout(timer); source.close(); },
  };
}
