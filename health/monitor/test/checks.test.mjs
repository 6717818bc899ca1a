// When the monitor asks: every five minutes while somebody is signed in, and after that
// long when the page wakes.

import { test } from "node:test";
import assert from "node:assert/strict";
import { world, verdict, second, minute, hour, healthPath } from "./world.mjs";

test("31 minutes are seven checks without jitter, and no request else", async () => {
  const { server, browser, clock } = world();
  browser.open();
  await clock.run(31 * minute);
  assert.equal(server.checks, 7);
  assert.equal(server.requests.length, 7);
  const gaps = server.requests.map((r) => Math.round((r.at - server.requests[0].at) / minute));
  assert.deepEqual(gaps, [0, 5, 10, 15, 20, 25, 30]);
});

test("jitter only adds: 31 minutes are six checks with all of it", async () => {
  const { server, browser, clock } = world();
  browser.random = () => 0.999;
  browser.open();
  await clock.run(31 * minute);
  assert.equal(server.checks, 6);
});

test("12 checks an hour, however many tabs and events", async () => {
  for (const tabs of [1, 3, 12]) {
    const { server, browser, clock } = world();
    browser.random = Math.random;
    await browser.signedIn(tabs);
    const before = server.checks;
    assert.equal(before, 1, `${tabs} tabs opened`);
    for (let n = 0; n < 60; n++) {
      browser.tabs[n % tabs].show();
      browser.tabs[n % tabs].online();
      await clock.run(minute);
    }
    const checks = server.checks - before;
    assert.ok(checks >= 10 && checks <= 12, `${tabs} tabs: got ${checks} checks in an hour, want 10 to 12`);
  }
});

test("a check asks with cookies, past the cache", async () => {
  const { server, browser, clock } = world();
  browser.open();
  await clock.run(second);
  const [{ path, method, init }] = server.requests;
  assert.deepEqual([path, method, init.credentials, init.cache], [healthPath, "GET", "include", "no-store"]);
});

test("a visitor is asked about once, and never prompted", async () => {
  const { server, browser, clock } = world();
  server.health = () => verdict("no_token");
  const tab = browser.open();
  await clock.run(12 * hour);
  tab.show();
  tab.online();
  await clock.run(12 * hour);
  assert.equal(server.checks, 1);
  assert.deepEqual(tab.states, ["out"]);
  assert.equal(browser.prompts, 0);
  assert.equal(clock.count, 0);
});

test("sign-in, sign-out and sign-in again: one timer, and none in between (scenario 61)", async () => {
  const { server, browser, clock } = world();
  server.health = () => verdict("no_token");
  const tab = browser.open();
  await clock.run(minute);
  for (let n = 0; n < 3; n++) {
    server.health = () => verdict("ok");
    tab.monitor.signedIn();
    tab.monitor.signedIn();
    await clock.run(second);
    assert.equal(clock.count, 1);
    const before = server.checks;
    await clock.run(hour);
    assert.equal(server.checks - before, 12);
    tab.monitor.signedOut();
    assert.equal(clock.count, 0);
    await clock.run(hour);
    assert.equal(server.checks - before, 12);
  }
});

test("a computer that wakes asks once, soon, with or without an event (scenario 58)", async () => {
  for (const event of ["show", "online", "none"]) {
    const { server, browser, clock } = world();
    const [tab] = await browser.signedIn();
    server.health = () => verdict(server.refreshes ? "ok" : "expired");
    clock.sleep(8 * hour);
    if (event !== "none") tab[event]();
    await clock.run(event === "none" ? 30 * second : second);
    assert.equal(server.checks, 2, event);
    assert.equal(server.refreshes, 1, event);
    await clock.run(4 * minute);
    assert.equal(server.checks, 2, event);
  }
});

test("becoming visible or online before the interval is over asks nothing", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  await clock.run(4 * minute);
  tab.show();
  tab.online();
  tab.document.visibilityState = "hidden";
  clock.sleep(hour);
  tab.show();
  await clock.run(second);
  assert.equal(server.checks, 1);
});

test("after a failure, getting online asks again", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => { throw new TypeError("Failed to fetch"); };
  await clock.run(5 * minute);
  assert.equal(server.checks, 2);
  server.health = () => verdict("ok");
  await clock.run(20 * second);
  tab.online();
  await clock.run(second);
  assert.equal(server.checks, 3);
  assert.equal(tab.verdicts.at(-1).outcome, "good");
});

test("a page that comes back out of the back/forward cache asks at once", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  tab.leave();
  await clock.run(minute);
  server.health = () => verdict("no_token");
  tab.comeBack();
  await clock.run(second);
  assert.equal(server.checks, 2);
});

test("a page that comes back asks the other tabs first", async () => {
  const { server, browser, clock } = world();
  const [tab, other] = await browser.signedIn(2);
  tab.leave();
  await clock.run(second);
  other.monitor.signedOut();
  await clock.run(second);
  assert.equal(tab.monitor.state, "in", "it has not heard of the sign-out");
  server.health = () => verdict("no_token");
  tab.comeBack();
  await clock.run(hour);
  assert.deepEqual(tab.states, ["in", "out"]);
  assert.equal(server.checks, 2);
  assert.equal(browser.prompts, 0);
});

test("a clock that is an hour off changes nothing, nor does one that is corrected", async () => {
  for (const skew of [-hour, hour]) {
    const { server, browser, clock } = world();
    browser.skew = skew;
    const [tab] = await browser.signedIn();
    await clock.run(31 * minute);
    assert.equal(server.checks, 7);
    browser.skew = 0; // the clock is set right
    const before = server.checks;
    await clock.run(hour);
    assert.ok(server.checks - before <= 13, `got ${server.checks - before} checks in the hour after`);
    assert.deepEqual([server.refreshes, tab.monitor.state, browser.prompts], [0, "in", 0]);
  }
});

test("a clock that is put back hides no check that is due", async () => {
  for (const act of [null, "show"]) {
    const { server, browser, clock } = world();
    const [tab, other] = await browser.signedIn(2);
    browser.skew = -12 * hour;
    if (act) tab[act]();
    await clock.run(act ? second : 31 * second);
    assert.equal(server.checks, 2);
    assert.equal(tab.verdicts.length, other.verdicts.length, "the news of today is not taken for old");
    await clock.run(5 * minute);
    assert.equal(server.checks, 3);
  }
});

test("an interval that is none is refused; what is not given is the default", async () => {
  const { server, browser, clock } = world();
  for (const interval of [0, -1, NaN, "soon"]) assert.throws(() => browser.open({ interval }), RangeError);
  browser.open({ interval: undefined, healthURL: undefined });
  await clock.run(31 * minute);
  assert.equal(server.checks, 7);
});

test("stop stops this tab, and signs nobody out", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  tab.monitor.stop();
  tab.monitor.signedOut();
  tab.show();
  tab.online();
  await clock.run(hour);
  assert.equal(server.checks, 1);
  assert.equal(clock.count, 0);
  assert.equal(browser.ports.size, 0);
  assert.deepEqual([(await tab.monitor.check()).status, tab.states], ["ok", ["in"]]);
});

test("a check that was begun when the page stops or stands still does not go out", async () => {
  for (const end of ["stop", "freeze"]) {
    const { server, browser, clock } = world();
    const [tab] = await browser.signedIn();
    tab.monitor.check();
    await clock.run(10); // it has the lock, and waits for news
    if (end === "stop") tab.monitor.stop();
    else tab.document.dispatchEvent(new Event("freeze"));
    await clock.run(second);
    assert.equal(server.checks, 1, end);
  }
});

test("whoever starts and stops a hundred times leaves nothing behind", async () => {
  const { browser, clock } = world();
  const listening = new Map();
  const target = () => {
    const t = new EventTarget();
    const key = (type, f) => [...listening.keys()].find((k) => k.t === t && k.type === type && k.f === f);
    return {
      location: { href: "https://app.example.test/" }, visibilityState: "visible",
      addEventListener: (type, f) => listening.set({ t, type, f }),
      removeEventListener: (type, f) => listening.delete(key(type, f)),
    };
  };
  const window = target(), document = target();
  for (let n = 0; n < 100; n++) {
    const { monitor } = browser.open({ window, document });
    await clock.run(n % 10 * 30);
    if (n === 0) assert.ok(listening.size >= 6);
    monitor.stop();
    monitor.stop();
  }
  await clock.run(minute);
  assert.deepEqual([listening.size, browser.ports.size, clock.count], [0, 0, 0]);
});
