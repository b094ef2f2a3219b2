// The service worker: without a connection a page says so in our own words. It keeps these few files
// and never a message, a page of a room or an answer of the API.
const KEPT = "shell";
const OFFLINE = "/static/offline.html";
const SHELL = [OFFLINE, "/static/offline.js", "/static/page.css", "/static/icon.svg"];

addEventListener("install", (event) => {
  const fresh = SHELL.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(fresh)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { pathname } = new URL(request.url);
  if (request.mode === "navigate" && request.method === "GET") {
    event.respondWith(fetch(request).catch(() => caches.match(OFFLINE)));
  } else if (SHELL.includes(pathname)) {
    event.respondWith(fetch(request).catch(() => caches.match(pathname)));
  }
});

// A notification leads back to its room.
addEventListener("notificationclick", (event) => {
  event.notification.close();
  const path = `/r/${encodeURIComponent(event.notification.title)}`;
  event.waitUntil(clients.matchAll({ type: "window" }).then((pages) => {
    const open = pages.find((page) => new URL(page.url).pathname === path);
    return open ? open.focus() : clients.openWindow(path);
  }));
});
