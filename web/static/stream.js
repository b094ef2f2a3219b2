// One room's events. The browser resumes by the last id it saw; only when it gives up (an answer
// that is not a stream) do we begin again ourselves.
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 15_000;

export function follow(room, cursor, on) {
  let last = cursor;
  let wait = FIRST_WAIT;

  function open() {
    const source = new EventSource(`/api/rooms/${encodeURIComponent(room)}/events?after=${last}`);
    for (const name of ["hello", "message", "erased", "gap"]) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId) last = event.lastEventId;
        wait = FIRST_WAIT;
        on[name](JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      on.away();
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(open, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    });
  }

  open();
}
