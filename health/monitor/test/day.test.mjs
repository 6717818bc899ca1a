// A day of an office: tabs that come and go, computers that sleep, tokens that expire, a
// server and a network with every fault there is. Nobody with a good session is asked to
// sign in; one whose session was ended is, once.

import { test } from "node:test";
import assert from "node:assert/strict";
import { Browser, Server, faults, verdict, second, minute, hour } from "./world.mjs";

// dice are random numbers that are the same in every run (xorshift).
function dice(seed) {
  let x = seed;
  return () => {
    x ^= x << 13; x ^= x >>> 17; x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

const access = 15 * minute;
const badWords = ["unknown_key", "unavailable"];

// day is a world with a server whose tokens expire, and whose faults come and go: about
// a third of the time one is on, for a few seconds up to an hour.
function day(seed) {
  const random = dice(seed);
  const server = new Server();
  const browser = new Browser(server);
  browser.random = random;
  const { clock } = browser;
  const w = { server, browser, clock, random, revoked: false, fault: null, kinds: new Set(), faulty: 0 };
  let until = clock.time + access;
  const answer = (good) => {
    if (w.fault) { w.faulty++; return w.fault(); }
    return good();
  };
  server.health = () => answer(() => verdict(w.revoked ? "revoked" : clock.time < until ? "ok" : "expired"));
  server.refresh = () => answer(() => {
    if (w.revoked) return new Response('{"error":"revoked"}', { status: 401, headers: { "Content-Type": "application/json" } });
    until = clock.time + access;
    return new Response(null, { status: 204 });
  });
  server.other = () => answer(() => new Response(null, { status: !w.revoked && clock.time < until ? 200 : 401 }));
  return w;
}

// A refusal that refresh gives is no fault, so one that is faked is none of a server with
// a good session.
const possible = Object.entries(faults).filter(([name]) => name !== "401");

function changeFault(w) {
  const { random } = w;
  if (random() > 0.35) return void (w.fault = null);
  const n = Math.floor(random() * (possible.length + badWords.length));
  const [name, fault] = possible[n] ?? [badWords[n - possible.length], () => verdict(badWords[n - possible.length])];
  w.kinds.add(name);
  w.fault = fault;
}

// act is what a person does: look at a tab, use it, leave and come back, go out of reach.
function act(w) {
  const { random, browser, clock } = w;
  const tab = browser.tabs[Math.floor(random() * browser.tabs.length)];
  const acts = [
    () => tab.show(),
    () => tab.online(),
    () => tab.monitor.fetch("/api/me").catch(() => {}),
    () => (tab.frozen ? tab.resume() : tab.freeze()),
    () => { tab.resume(); tab.leave(); tab.comeBack(); },
    () => clock.sleep(random() * hour),
    () => { browser.skew += (random() - 0.5) * 2 * minute; },
    () => tab.monitor.check(),
  ];
  acts[Math.floor(random() * acts.length)]();
}

async function live(w, ms) {
  const end = w.clock.time + ms;
  while (w.clock.time < end) {
    if (w.random() < 0.3) changeFault(w);
    if (w.random() < 0.2) act(w);
    await w.clock.run(w.random() ** 3 * 10 * minute);
  }
}

test("a day of faults with a good session: 0 prompts", async () => {
  const seen = new Set();
  for (const seed of [1, 2, 3, 4, 5]) {
    const w = day(seed * 7919);
    await w.browser.signedIn(3);
    await live(w, 24 * hour);
    assert.equal(w.browser.prompts, 0, `seed ${seed}`);
    assert.ok(w.browser.tabs.every((tab) => tab.states.every((state) => state === "in")), `seed ${seed}: ${w.browser.tabs.map((t) => t.states)}`);
    assert.ok(w.faulty > 50 && w.server.refreshes > 20, `seed ${seed}: ${w.faulty} faults, ${w.server.refreshes} refreshes`);
    w.kinds.forEach((kind) => seen.add(kind));

    // And when all is well again, everybody knows within an interval.
    w.fault = null;
    w.browser.tabs.forEach((tab) => tab.resume());
    await w.clock.run(6 * minute);
    assert.ok(w.browser.tabs.every((tab) => tab.verdicts.at(-1).outcome === "good"), `seed ${seed}`);
  }
  assert.ok(seen.size >= possible.length, `played only ${[...seen]}`);
});

test("the same day, and then the session is ended: 1 prompt per tab, within two intervals", async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const w = day(seed * 104729);
    await w.browser.signedIn(3);
    await live(w, 6 * hour);
    w.fault = null;
    w.browser.tabs.forEach((tab) => tab.resume());
    await w.clock.run(w.random() * 5 * minute);
    assert.equal(w.browser.prompts, 0);
    w.revoked = true;
    await w.clock.run(10 * minute);
    assert.deepEqual(w.browser.tabs.map((tab) => tab.prompts), [1, 1, 1], `seed ${seed}`);
    await live(w, 6 * hour);
    assert.deepEqual(w.browser.tabs.map((tab) => tab.prompts), [1, 1, 1], `seed ${seed}`);
  }
});

test("a good day: 12 checks an hour in any hour, and a refresh per access token", async () => {
  const w = day(42);
  await w.browser.signedIn(5);
  await w.clock.run(24 * hour);
  const at = w.server.requests.filter((r) => r.path.endsWith("token-health")).map((r) => r.at);
  const most = Math.max(...at.map((t) => at.filter((u) => u >= t && u < t + hour).length));
  assert.ok(most <= 12, `got ${most} checks within an hour`);
  assert.ok(at.length >= 24 * 11 - 5, `got ${at.length} checks in a day`);
  assert.ok(w.server.refreshes <= 24 * 4, `got ${w.server.refreshes} refreshes`);
});
