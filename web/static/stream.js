// One room's events: by WebSocket, of which a browser opens more than six to a host, and where none
// gets through by server-sent events. Whatever ends it, it comes back after the last id that it saw.
const KINDS = ["hello", "present", "message", "erased", "gap", "farewell"];
// A restart ends all streams at once: they come back spread over this long.
const SOONEST = 500, LATEST = 3_000;
const LONGEST_WAIT = 15_000;
// So long for the first word; after that a socket hears something at least every fifteen seconds.
const GREETING = 8_000, SILENT = 40_000;

// Calls on(kind, data, id) for each event, and on("away") when the connection is lost.
export function follow(room, after, on) {
  const path = `/api/rooms/${encodeURIComponent(room)}`;
  let last = after, tries = 0, bySource = false, greeted = false, opened = 0, close, timer, watch;

  function heard(kind, data, id) {
    if (id) last = id;
    greeted = true;
    tries = 0;
    expect(SILENT);
    on(kind, data, last);
  }

  function lost() {
    stop();
    on("away");
    bySource = !greeted && !bySource;
    const wait = (SOONEST + Math.random() * (LATEST - SOONEST)) * 2 ** tries++;
    timer = setTimeout(open, Math.min(wait, LONGEST_WAIT));
  }

  function expect(within) {
    clearTimeout(watch);
    // Of a stream's heartbeats a page is not told.
    if (!greeted || !bySource) watch = setTimeout(lost, within);
  }

  function open() {
    stop();
    greeted = false;
    opened = performance.now();
    close = (bySource ? openSource : openSocket)();
    expect(GREETING);
  }

  function openSocket() {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${path}/socket?after=${last}`);
    socket.onmessage = (frame) => {
      const { event, data, id } = JSON.parse(frame.data);
      heard(event, data, id);
    };
    socket.onclose = lost;
    return () => {
      socket.onmessage = socket.onclose = null;
      socket.close();
    };
  }

  function openSource() {
    const source = new EventSource(`${path}/events?after=${last}`);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => heard(kind, JSON.parse(event.data), event.lastEventId));
    }
    source.onerror = lost;
    return () => source.close();
  }

  function stop() {
    clearTimeout(timer);
    clearTimeout(watch);
    close?.();
    close = null;
  }

  open();
  return {
    get last() { return last; },
    // There is a network again, and the old connection may hang on the one before. All tabs say so.
    hurry() { if (!close || performance.now() - opened > SOONEST) open(); },
    stop,
  };
}
