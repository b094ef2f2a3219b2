// A shared worker: all tabs of a browser that are in one room share one connection, since a browser
// opens six to a host. It keeps no message: what a tab missed before it came, it asks for itself.
import { follow } from "/static/stream.js";

// A tab that says nothing for so long has crashed: a sleeping one says so when it wakes.
const SILENT = 180_000;
const rooms = new Map();

function enter(port, room, after) {
  let shared = rooms.get(room);
  if (!shared) {
    shared = { ports: new Map(), live: false };
    rooms.set(room, shared);
    shared.stream = follow(room, after, (kind, data, id) => {
      if (kind === "hello") shared.live = true;
      if (kind === "away") shared.live = false;
      if (kind === "hello" || kind === "present") shared.here = data.here;
      for (const each of shared.ports.keys()) each.postMessage({ kind, data, id });
    });
  }
  shared.ports.set(port, Date.now());
  port.postMessage({ kind: "joined", data: { last: shared.stream.last, live: shared.live, here: shared.here } });
}

function leave(port, room) {
  const shared = rooms.get(room);
  if (!shared?.ports.delete(port) || shared.ports.size) return;
  shared.stream.stop();
  rooms.delete(room);
}

function drop(now) {
  for (const [room, shared] of rooms) {
    for (const [port, heard] of shared.ports) if (now - heard > SILENT) leave(port, room);
  }
}

self.addEventListener("connect", ({ ports: [port] }) => {
  port.addEventListener("message", ({ data: { say, room, after } }) => {
    const shared = rooms.get(room);
    if (say === "enter") enter(port, room, after);
    if (say === "leave") leave(port, room);
    if (say === "hurry") shared?.stream.hurry();
    if (say !== "here") return;
    if (shared?.ports.has(port)) shared.ports.set(port, Date.now());
    else port.postMessage({ kind: "lost" });
  });
  port.start();
});

setInterval(() => drop(Date.now()), 30_000);
