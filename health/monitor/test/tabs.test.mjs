// Tabs of one browser: one asks, all know; a sign-out in one reaches the others.

import { test } from "node:test";
import assert from "node:assert/strict";
import { world, verdict, second, minute, hour } from "./world.mjs";

test("three tabs: one request per interval, and all know the verdict", async () => {
  const { server, browser, clock } = world();
  const tabs = await browser.signedIn(3);
  await clock.run(31 * minute);
  assert.equal(server.requests.length, 7);
  for (const tab of tabs) {
    assert.deepEqual(tab.states, ["in"]);
    assert.ok(tab.verdicts.length >= 7 && tab.monitor.verdict.status === "ok");
  }
});

test("three tabs at the same instant: one request", async () => {
  const { server, browser, clock } = world();
  const tabs = await browser.signedIn(3);
  clock.sleep(hour);
  tabs.forEach((tab) => tab.online());
  await clock.run(second);
  assert.equal(server.checks, 2);
});

test("a tab that gets the lock before it gets the news waits for the news", async () => {
  const { server, browser, clock } = world();
  const [tab, other] = await browser.signedIn(2);
  browser.delay = 10;
  clock.sleep(hour);
  tab.online();
  await clock.run(22); // the first has asked and let go of the lock
  assert.equal(server.checks, 2);
  assert.equal(other.verdicts.length, 1);
  other.online();
  await clock.run(second);
  assert.equal(server.checks, 2);
});

test("three tabs, one refresh", async () => {
  const { server, browser, clock } = world();
  await browser.signedIn(3);
  server.health = () => verdict(server.refreshes ? "ok" : "expired");
  await clock.run(9 * minute);
  assert.deepEqual([server.checks, server.refreshes], [2, 1]);
});

test("a new tab asks the others, not the server", async () => {
  const { server, browser, clock } = world();
  const [first] = await browser.signedIn(2);
  first.close();
  const known = browser.tabs[1].verdicts.length;
  const late = browser.open();
  await clock.run(second);
  assert.deepEqual([server.checks, late.states, late.monitor.verdict.status], [1, ["in"], "ok"]);
  browser.open();
  await clock.run(second);
  assert.deepEqual([browser.tabs[1].verdicts.length, late.verdicts.length], [known, 1], "old news is no news");
});

test("who signs in on a page without a monitor is signed in, beside tabs that were out or over", async () => {
  for (const before of ["out", "ended"]) {
    const { server, browser, clock } = world();
    const [old] = await browser.signedIn();
    server.health = () => verdict("revoked");
    if (before === "out") old.monitor.signedOut();
    await clock.run(10 * minute);
    assert.equal(old.monitor.state, before);
    old.monitor.check(); // what it knows is new
    await clock.run(second);

    server.health = () => verdict("ok");
    const landed = browser.open();
    await clock.run(second);
    assert.deepEqual([landed.states, old.monitor.state, old.dialog], [["in"], "in", undefined], before);
  }
});

test("a new tab beside one that was told nothing asks by itself", async () => {
  const { server, browser, clock } = world();
  await browser.signedIn();
  server.health = () => new Response("", { status: 500 });
  await clock.run(5 * minute + second);
  server.health = () => verdict("ok");
  const late = browser.open();
  await clock.run(second);
  assert.deepEqual([server.checks, late.states], [3, ["in"]]);
});

test("a real end prompts in each tab, once (scenario 60)", async () => {
  const { server, browser, clock } = world();
  const tabs = await browser.signedIn(3);
  server.health = () => verdict("revoked");
  await clock.run(24 * hour);
  assert.deepEqual(tabs.map((tab) => [tab.prompts, tab.states.at(-1)]), [[1, "ended"], [1, "ended"], [1, "ended"]]);
  assert.equal(server.checks, 3);
});

test("sign-out in one tab stops all, without echo and without a prompt", async () => {
  const { server, browser, clock } = world();
  const tabs = await browser.signedIn(3);
  browser.posted = [];
  server.health = () => verdict("no_token");
  tabs[1].monitor.signedOut();
  await clock.run(24 * hour);
  assert.deepEqual(browser.posted.map((news) => news.kind), ["out"]);
  assert.deepEqual([server.checks, browser.prompts, clock.count], [1, 0, 0]);
  assert.deepEqual(tabs.map((tab) => tab.states), [["in", "out"], ["in", "out"], ["in", "out"]]);
});

test("sign-in in one tab starts all, and closes their dialogs", async () => {
  const { server, browser, clock } = world();
  const tabs = await browser.signedIn(3);
  server.health = () => verdict("revoked");
  await clock.run(10 * minute);
  assert.ok(tabs.every((tab) => tab.dialog));
  server.health = () => verdict("ok");
  tabs[2].monitor.signedIn();
  await clock.run(second);
  assert.ok(tabs.every((tab) => !tab.dialog && tab.monitor.state === "in" && tab.monitor.verdict.status === "ok"));
  const before = server.checks;
  await clock.run(31 * minute - second);
  assert.equal(server.checks - before, 6);
});

test("who signs in as somebody else, without a sign-out before, is news in every tab", async () => {
  const { server, browser, clock } = world();
  const tabs = await browser.signedIn(2);
  await tabs[0].monitor.signIn(async () => new Response(null, { status: 204 }));
  await clock.run(second);
  assert.deepEqual(tabs.map((tab) => tab.states), [["in", "in"], ["in", "in"]]);
  assert.equal(server.checks, 2);
});

test("a sign-in and the check after it, in one instant, both reach the others", async () => {
  const { browser, clock } = world();
  const [tab, other] = await browser.signedIn(2, {}, ["locks"]);
  tab.monitor.signedOut();
  await clock.run(second);
  const before = other.verdicts.length;
  tab.monitor.signedIn();
  await clock.run(second);
  assert.deepEqual([other.monitor.state, other.verdicts.length - before], ["in", 1]);
});

test("the tab that asks is closed: another goes on", async () => {
  const { server, browser, clock } = world();
  const tabs = await browser.signedIn(3);
  for (const tab of tabs.slice(0, 2)) {
    tab.close();
    await clock.run(10 * minute);
  }
  assert.equal(server.checks, 5);
  assert.equal(tabs[2].states.length, 1);
});

test("a frozen tab lets go of its check, and the others go on", async () => {
  const { server, browser, clock } = world();
  const [tab, other] = await browser.signedIn(2);
  server.health = () => new Promise(() => {});
  await clock.run(5 * minute + second);
  const asking = server.requests.at(-1).tab;
  asking.freeze();
  server.health = () => verdict("ok");
  await clock.run(minute);
  const going = asking === tab ? other : tab;
  assert.equal(server.requests.at(-1).tab, going);
  assert.equal(going.verdicts.at(-1).outcome, "good");
  await clock.run(hour);
  assert.ok(server.checks >= 14, `got ${server.checks} checks`);

  const before = server.checks;
  asking.resume();
  await clock.run(second);
  assert.equal(server.checks, before, "it has heard what the other was told");
  assert.equal(asking.monitor.verdict.status, "ok");
});

test("a page that is left in the middle of a check lets go of it", async () => {
  const { server, browser, clock } = world();
  const [tab, other] = await browser.signedIn(2);
  server.health = () => new Promise(() => {});
  tab.monitor.check();
  await clock.run(second);
  tab.leave();
  server.health = () => verdict("ok");
  await clock.run(second);
  other.monitor.check();
  await clock.run(second);
  assert.equal(server.checks, 3, "at once, and not when the lock is taken by force");
});

test("a lone tab that was frozen over an interval asks when it resumes", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  tab.freeze();
  clock.sleep(hour);
  assert.equal(server.checks, 1);
  tab.resume();
  await clock.run(second);
  assert.equal(server.checks, 2);
});

test("a lock that a tab holds for ever is taken from it", async () => {
  const { server, browser, clock } = world();
  const [tab, other] = await browser.signedIn(2);
  server.health = () => new Promise(() => {});
  await clock.run(5 * minute + second);
  const asking = server.requests.at(-1).tab;
  asking.frozen = true; // without the event that would have let go
  server.health = () => verdict("ok");
  const going = asking === tab ? other : tab, known = going.verdicts.length;
  await clock.run(26 * second);
  assert.equal(server.checks, 2, "the lock is respected at first");
  await clock.run(3 * second);
  assert.deepEqual([server.checks, going.verdicts.length - known], [3, 1], "and taken the second time");
  const before = server.checks;
  await clock.run(hour);
  assert.ok(server.checks - before >= 11, `got ${server.checks - before} checks`);
  assert.equal(browser.prompts, 0);
});

test("a sign-out beats a check that was under way", async () => {
  const { server, browser, clock } = world();
  const [tab, other] = await browser.signedIn(2);
  let answer;
  server.health = () => new Promise((resolve) => { answer = () => resolve(verdict("ok")); });
  await clock.run(5 * minute + second);
  const asking = server.requests.at(-1).tab;
  (asking === tab ? other : tab).monitor.signedOut();
  await clock.run(second);
  answer();
  await clock.run(hour);
  assert.deepEqual([tab.monitor.state, other.monitor.state], ["out", "out"]);
});

test("without locks: one request per interval, by jitter alone", async () => {
  const { server, browser, clock } = world();
  browser.random = Math.random;
  await browser.signedIn(3, {}, ["locks"]);
  await clock.run(hour);
  assert.ok(server.checks <= 14, `got ${server.checks} checks`);
});

test("without messages each tab asks for itself, and none is silenced", async () => {
  for (const without of [["channel"], ["channel", "locks"]]) {
    const { server, browser, clock } = world();
    const tabs = await browser.signedIn(2, {}, without);
    await clock.run(31 * minute);
    assert.ok(server.checks >= 12 && server.checks <= 14, `got ${server.checks} checks`);
    assert.ok(tabs.every((tab) => tab.monitor.state === "in"));
  }
});

test("a page that may not use locks asks without", async () => {
  const { server, browser, clock } = world();
  browser.locks = { request: async () => { throw new DOMException("no", "SecurityError"); } };
  await browser.signedIn();
  await clock.run(31 * minute);
  assert.equal(server.checks, 7);
});
