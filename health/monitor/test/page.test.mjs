// In a page nothing is given: the module finds its window, storage and channel itself.

import { test } from "node:test";
import assert from "node:assert/strict";
import { startMonitor } from "../monitor.js";
import { Clock, origin, second, verdict } from "./world.mjs";

// page returns a window whose storage tells the others about it, as browsers do.
function page(all, stored) {
  const window = Object.assign(new EventTarget(), { location: { href: origin } });
  const tell = (key, newValue) => {
    for (const other of all) if (other !== window) other.dispatchEvent(Object.assign(new Event("storage"), { key, newValue }));
  };
  window.localStorage = {
    setItem: (key, value) => { stored.set(key, value); tell(key, value); },
    removeItem: (key) => { stored.delete(key); tell(key, null); },
  };
  // listening counts the listeners for the storage.
  window.listening = 0;
  for (const [name, n] of [["addEventListener", 1], ["removeEventListener", -1]]) {
    window[name] = (type, f) => {
      if (type === "storage") window.listening += n;
      EventTarget.prototype[name].call(window, type, f);
    };
  }
  all.push(window);
  return window;
}

test("without BroadcastChannel, tabs tell each other through the storage, and leave nothing there", async (t) => {
  const channel = globalThis.BroadcastChannel;
  globalThis.BroadcastChannel = undefined;
  t.after(() => { globalThis.BroadcastChannel = channel; });
  const clock = new Clock(), all = [], stored = new Map();
  let checks = 0;
  const open = () => startMonitor({
    window: page(all, stored), document: null, locks: null,
    fetch: async () => { checks++; return verdict("ok"); },
    clock: { now: () => clock.time, setTimeout: (f, ms) => clock.start(f, ms), clearTimeout: (id) => clock.cancel(id), random: () => 0 },
  });
  const first = open();
  await clock.run(second);
  const second_ = open();
  await clock.run(second);
  assert.deepEqual([first.state, second_.state, checks], ["in", "in", 1]);
  second_.signedOut();
  assert.deepEqual([first.state, second_.state, stored.size], ["out", "out", 0]);
  first.stop();
  second_.stop();
  assert.deepEqual(all.map((window) => window.listening), [0, 0], "and do not listen when they have stopped");
});

test("where the storage is full each tab is alone, and all goes on", async (t) => {
  const channel = globalThis.BroadcastChannel;
  globalThis.BroadcastChannel = undefined;
  t.after(() => { globalThis.BroadcastChannel = channel; });
  const window = page([], new Map());
  window.localStorage.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
  const monitor = startMonitor({ window, document: null, locks: null, fetch: async () => verdict("ok") });
  t.after(() => monitor.stop());
  await monitor.check();
  assert.equal(monitor.state, "in");
  assert.equal((await monitor.signOut(async () => new Response(null, { status: 204 }))).status, 204);
  assert.equal(monitor.state, "out");
});

test("a page that may use neither channel nor storage is alone", async (t) => {
  const channel = globalThis.BroadcastChannel;
  globalThis.BroadcastChannel = class { constructor() { throw new DOMException("no", "SecurityError"); } };
  t.after(() => { globalThis.BroadcastChannel = channel; });
  const monitor = startMonitor({ window: null, document: null, locks: null, fetch: async () => verdict("ok") });
  await monitor.check();
  assert.equal(monitor.state, "in");
  monitor.stop();
});

test("clock, fetch and channel are those of the page", async (t) => {
  t.mock.method(globalThis, "fetch", async () => verdict("previous_key"));
  const monitor = startMonitor({ healthURL: "https://api.example.test/health" });
  assert.equal((await monitor.check()).status, "previous_key");
  assert.equal(globalThis.fetch.mock.calls[0].arguments[0], "https://api.example.test/health");
  monitor.stop();
});
