// Tabs whose page keeps the tokens itself: those with the same tokens are as one, those
// with tokens of their own have nothing to do with each other.

import { test } from "node:test";
import assert from "node:assert/strict";
import { world, verdict, json, second, minute, hour } from "./world.mjs";

const pair = (n) => ({ access_token: `access-${n}`, refresh_token: `refresh-${n}` });
const sent = (init) => new Headers(init.headers).get("Authorization");

// Storage is where tabs share tokens, as localStorage: whoever has written reads it at
// once, the others after a delay.
class Storage {
  delay = 0;
  #written = [];
  constructor(clock, tokens) { this.clock = clock; this.#written.push({ tokens, at: -Infinity }); }
  set(tokens, writer) { this.#written.push({ tokens, at: this.clock.time, writer }); }
  get(reader) { return this.#written.findLast((w) => w.writer === reader || w.at + this.delay <= this.clock.time).tokens; }
  // of returns the option for a tab.
  of(reader) { return { tokens: { get: () => this.get(reader), set: (tokens) => this.set(tokens, reader) } }; }
}

// shared is a world with so many tabs that share tokens, which expire after 15 minutes.
async function shared(tabs, without = []) {
  const w = world();
  const { server, browser, clock } = w;
  const storage = new Storage(clock, pair(1));
  let valid = clock.time + 15 * minute, newest = 1;
  server.health = (init) => verdict(sent(init) === `Bearer access-${newest}` && clock.time < valid ? "ok" : "expired");
  server.refresh = (init) => {
    if (JSON.parse(init.body).refresh_token !== `refresh-${newest}`) return json(401, { error: "reused" });
    valid = clock.time + 15 * minute;
    return json(200, pair(++newest));
  };
  for (let n = 0; n < tabs; n++) {
    browser.open(storage.of(n), without);
    await clock.run(second);
  }
  return { ...w, storage, tabs: browser.tabs };
}

test("tabs that share their tokens: 12 checks an hour and a refresh per access token, however many tabs and events", async () => {
  for (const [n, delay] of [[1, 0], [3, 0], [12, 0], [3, 500]]) {
    const { server, browser, clock, storage, tabs } = await shared(n);
    assert.equal(server.checks, 1, `${n} tabs opened`);
    storage.delay = delay;
    browser.random = Math.random;
    for (let m = 0; m < 60; m++) {
      tabs[m % n].show();
      tabs[m % n].online();
      await clock.run(minute);
    }
    const checks = server.checks - 1;
    assert.ok(checks >= 10 && checks <= 12, `${n} tabs: got ${checks} checks in an hour, want 10 to 12`);
    assert.ok(server.refreshes >= 2 && server.refreshes <= 4, `${n} tabs: got ${server.refreshes} refreshes in an hour`);
    await clock.run(2 * second); // the last news may be on its way
    for (const tab of tabs) assert.ok(tab.states.join() === "in" && tab.verdicts.length > checks, "all know the verdicts");
  }
});

test("tabs that share their tokens are due at one instant: one asks", async () => {
  const { server, browser, clock } = await shared(3);
  clock.sleep(hour);
  browser.tabs.forEach((tab) => tab.online());
  await clock.run(second);
  assert.deepEqual([server.checks, server.refreshes], [2, 1]);
});

test("tokens that the page replaces by itself: the tabs go on together", async () => {
  const { server, clock, storage, tabs } = await shared(3);
  let newest = 1;
  server.health = (init) => verdict(sent(init) === `Bearer access-${newest}` ? "ok" : "invalid");
  for (let n = 0; n < 6; n++) {
    storage.set(pair(++newest), n % 3);
    tabs[n % 3].monitor.check();
    await clock.run(10 * minute);
  }
  assert.ok(server.checks <= 1 + 6 * 2, `got ${server.checks} checks`);
  for (const tab of tabs) assert.deepEqual([tab.states, tab.prompts], [["in"], 0]);
});

test("what a tab knows of tokens that have been replaced is of no use to a new one", async () => {
  const { server, browser, clock, storage } = await shared(1);
  storage.set(pair(2), "a page without a monitor");
  server.health = () => verdict("revoked");
  const late = browser.open(storage.of("late"));
  await clock.run(second);
  assert.deepEqual([late.states, server.checks], [["out"], 2]);
});

test("a sign-in reaches the tabs that share its tokens, also where they come late", async () => {
  for (const delay of [0, 500]) {
    const { server, clock, storage, tabs } = await shared(3);
    server.health = (init) => verdict(sent(init) ? "ok" : "no_token");
    tabs[0].monitor.signedOut();
    await clock.run(2 * second);
    assert.deepEqual(tabs.map((tab) => tab.monitor.state), ["out", "out", "out"]);
    storage.delay = delay;
    const before = server.checks;
    await tabs[1].monitor.signIn(async () => { storage.set(pair(7), 1); return json(200, {}); });
    await clock.run(2 * second);
    assert.deepEqual(tabs.map((tab) => tab.states), Array(3).fill(["in", "out", "in"]), `${delay}`);
    assert.equal(server.checks - before, 1);
  }
});

test("signIn resolves when the others have been told, so that the page may leave", async () => {
  const { browser, storage, tabs } = await shared(2);
  browser.posted = [];
  await tabs[0].monitor.signIn(async () => { storage.set(pair(7), 0); return json(200, {}); });
  tabs[0].monitor.stop();
  assert.ok(browser.posted.some((news) => news.kind === "in"));
});

test("what was asked with tokens that were replaced meanwhile is no news to those who have the new ones", async () => {
  const { server, clock, storage, tabs: [tab, other] } = await shared(2);
  let answer;
  server.health = () => new Promise((resolve) => { answer = () => resolve(verdict("revoked")); });
  tab.monitor.check();
  await clock.run(second);
  storage.set(pair(2), "a page without a monitor");
  const before = other.verdicts.length;
  answer();
  await clock.run(2 * second);
  assert.equal(other.verdicts.length, before);
});

// strangers is a world of two tabs with tokens of their own, the second of which are ended.
async function strangers() {
  const w = world();
  const { browser, clock, server } = w;
  for (const n of [1, 2]) {
    browser.open(new Storage(clock, pair(n)).of(n));
    await clock.run(second);
  }
  server.health = (init) => verdict(sent(init) === "Bearer access-1" ? "ok" : "revoked");
  return { ...w, tabs: browser.tabs };
}

test("tabs with tokens of their own neither tell nor believe", async (t) => {
  const { crypto } = globalThis;
  t.after(() => { globalThis.crypto = crypto; });
  for (const digests of [crypto, undefined]) {
    globalThis.crypto = digests;
    const { server, browser, clock, tabs: [tab, other] } = await strangers();
    assert.equal(server.checks, 2, "a new tab is told nothing");
    await clock.run(31 * minute);
    assert.deepEqual([tab.states, other.states], [["in"], ["in", "ended"]]);
    assert.equal(server.checks, 2 + 6 + 2);
    assert.deepEqual([tab.verdicts.length, other.verdicts.length], [7, 3]);

    const late = browser.open(new Storage(clock, pair(3)).of("late"));
    await clock.run(second);
    assert.deepEqual(late.states, ["out"], "it has asked for itself");
    late.monitor.signedOut();
    await clock.run(2 * second);
    assert.equal(tab.monitor.state, "in");
  }
});

test("a sign-in is no news to a tab with tokens of its own", async () => {
  const { server, clock, tabs: [tab, other] } = await strangers();
  await clock.run(10 * minute);
  assert.ok(other.dialog);
  const before = server.checks;
  tab.monitor.signedIn();
  await clock.run(2 * second);
  assert.deepEqual([server.checks - before, other.monitor.state], [1, "ended"]);
  assert.ok(other.dialog);
});

test("a tab that asks with tokens of its own holds up no other", async () => {
  const { server, clock, tabs: [tab, other] } = await strangers();
  server.health = (init) => (sent(init) === "Bearer access-1" ? new Promise(() => {}) : verdict("ok"));
  tab.monitor.check();
  await clock.run(second);
  other.monitor.check();
  await clock.run(second);
  assert.equal(other.verdicts.length, 2);
});

test("where the page has no digests each tab asks for itself, and signs in and out with the others", async (t) => {
  const { crypto } = globalThis;
  t.after(() => { globalThis.crypto = crypto; });
  globalThis.crypto = { subtle: undefined }; // as pages have that came without https
  const { server, browser, clock, storage, tabs } = await shared(3);
  assert.equal(server.checks, 3);
  server.health = (init) => verdict(sent(init) ? "ok" : "no_token");
  await clock.run(hour);
  assert.equal(server.checks, 3 * 13);
  tabs[0].monitor.signedOut();
  await clock.run(2 * second);
  storage.set(pair(7), 1);
  tabs[1].monitor.signedIn();
  await clock.run(2 * second);
  assert.deepEqual(tabs.map((tab) => tab.states), Array(3).fill(["in", "out", "in"]));
  assert.equal(browser.prompts, 0);
});

test("news of other tokens is looked at once more, and then no more", async () => {
  const { browser, clock, tabs: [tab] } = await strangers();
  let looks = 0;
  browser.open({ tokens: { get() { looks++; return pair(3); }, set() {} } });
  await clock.run(minute);
  tab.monitor.check();
  await clock.run(2 * second);
  const before = looks;
  await clock.run(minute);
  assert.equal(looks, before);
});

test("a new tab with tokens asks by itself where another has been refused", async () => {
  const { server, browser, clock } = world();
  const storage = new Storage(clock, pair(1));
  server.health = () => verdict("revoked");
  const first = browser.open(storage.of("first"));
  await clock.run(second);
  server.health = () => verdict("ok");
  const late = browser.open(storage.of("late"));
  await clock.run(second);
  assert.deepEqual([first.states[0], late.states], ["out", ["in"]]);
});

test("a tab to which the new tokens come late waits for them before it asks", async () => {
  const { server, clock, storage, tabs } = await shared(2);
  storage.delay = 500;
  clock.sleep(16 * minute);
  const before = server.checks;
  tabs[0].monitor.check();
  await clock.run(100);
  tabs[1].monitor.check();
  await clock.run(2 * second);
  assert.deepEqual([server.checks - before, server.refreshes], [1, 1]);
});

test("no token is in a message or in the name of a lock", async () => {
  const { browser, clock, tabs } = await shared(2);
  await clock.run(hour);
  tabs[0].monitor.signedIn();
  await clock.run(second);
  tabs[0].monitor.signedOut();
  await clock.run(second);
  const seen = JSON.stringify([browser.posted, ...browser.locks.names]);
  assert.ok(browser.posted.length > 10 && browser.locks.names.size > 3);
  assert.doesNotMatch(seen, /access-|refresh-/);
});
