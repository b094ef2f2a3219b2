// Notifications, off until asked for. They say that something was said, not what: systems keep them.
// They go with it, and with the page.
import { browser } from "/static/store.js";

const button = document.querySelector("#notify");

export function notifier(room) {
  const tag = `room:${room}`;
  let until = [];
  let timer;

  const isOn = () => browser.get("notify", false) && Notification.permission === "granted";
  // On a first visit it is being installed.
  const ready = navigator.serviceWorker?.ready;

  async function show() {
    const worker = await ready;
    if (!until.length) return;
    const body = `${until.length} new message${until.length > 1 ? "s" : ""}`;
    await worker.showNotification(room, { body, tag, icon: "/static/icon-192.png" });
  }

  async function close() {
    clearTimeout(timer);
    until = [];
    const shown = await (await ready).getNotifications({ tag });
    // What came meanwhile has this tag.
    if (!until.length) shown.forEach((each) => each.close());
  }

  function draw() {
    button.ariaPressed = String(isOn());
    button.title = button.ariaLabel = `Notifications are ${isOn() ? "on" : "off"}`;
  }

  if (!("Notification" in window) || !ready) return { tell() {} };
  button.hidden = false;
  draw();
  button.addEventListener("click", async () => {
    const wanted = !isOn();
    if (wanted) await Notification.requestPermission();
    browser.set("notify", wanted);
    draw();
  });
  document.addEventListener("visibilitychange", () => document.hidden || close());
  addEventListener("pagehide", close);

  return {
    // A message came that will live so many milliseconds.
    tell(life) {
      if (!document.hidden || !isOn()) return;
      until.push(performance.now() + life);
      show();
      clearTimeout(timer);
      timer = setTimeout(close, Math.max(...until) - performance.now());
    },
  };
}
