// What says nothing about the session changes nothing: no prompt, no state, and the next
// check as if nothing had happened (scenario 55).

import { test } from "node:test";
import assert from "node:assert/strict";
import { world, faults, verdict, second, minute, hour, refreshPath } from "./world.mjs";

for (const [name, fault] of Object.entries(faults)) {
  test(`an hour of: ${name}`, async () => {
    const { server, browser, clock } = world();
    const [tab] = await browser.signedIn();
    server.health = fault;
    await clock.run(hour);
    const perCheck = name.startsWith("503") ? 7 : 1;
    assert.ok(server.checks > 10 * perCheck && server.checks <= 1 + 12 * perCheck, `got ${server.checks} checks`);
    assert.deepEqual([tab.prompts, tab.states, server.refreshes], [0, ["in"], 0]);
    assert.notEqual(tab.verdicts.at(-1).outcome, "good");
    assert.equal(tab.verdicts.at(-1).verdict, null);

    server.health = () => verdict("ok");
    await clock.run(5 * minute + 20 * second);
    assert.equal(tab.verdicts.at(-1).outcome, "good", "it recovers within an interval");
    assert.deepEqual([tab.prompts, tab.states], [0, ["in"]]);
  });

  test(`an hour of: ${name}, at the refresh`, async () => {
    if (name === "401" || name === "200 in other JSON" || name === "200 with an action of tomorrow") return;
    const { server, browser, clock } = world();
    const [tab] = await browser.signedIn();
    server.health = () => verdict("expired");
    server.refresh = fault;
    await clock.run(hour);
    assert.ok(server.refreshes > 10);
    assert.deepEqual([tab.prompts, tab.states], [0, ["in"]]);
  });

  test(`a page that comes during: ${name}`, async () => {
    const { server, browser, clock } = world();
    server.health = fault;
    const tab = browser.open();
    await clock.run(minute);
    assert.deepEqual([tab.monitor.state, tab.prompts], ["unknown", 0]);
    server.health = () => verdict("ok");
    await clock.run(5 * minute);
    assert.deepEqual([tab.states, tab.prompts], [["in"], 0]);
  });
}

test("unknown_key for two minutes, then fine: no prompt", async () => {
  for (const status of ["unknown_key", "unavailable"]) {
    const { server, browser, clock } = world();
    const [tab] = await browser.signedIn();
    const from = clock.time + 4 * minute + 30 * second;
    server.health = () => verdict(clock.time > from && clock.time < from + 2 * minute ? status : "ok");
    await clock.run(hour);
    assert.deepEqual([tab.prompts, tab.states], [0, ["in"]]);
    assert.ok(tab.verdicts.some((v) => v.outcome === "retry" && v.verdict.status === status));
    assert.equal(tab.verdicts.at(-1).outcome, "good");
  }
});

test("retry is retried six times, from half a second, doubling, with jitter", async () => {
  for (const [random, factor] of [[0, 1], [0.5, 1.25]]) {
    const { server, browser, clock } = world();
    await browser.signedIn();
    browser.random = () => random;
    server.health = () => verdict("unknown_key");
    server.requests = [];
    await clock.run(7 * minute);
    const at = server.requests.slice(0, 8).map((r) => r.at);
    const waits = at.slice(1, 7).map((t, n) => Math.round((t - at[n]) / 100) * 100);
    const want = [500, 1000, 2000, 4000, 8000, 16000].map((ms) => Math.round(ms * factor / 100) * 100);
    assert.deepEqual(waits, want);
    assert.equal(server.checks, 7, "the next is an interval later");
    await clock.run(5 * minute);
    assert.equal(server.checks, 14);
  }
});

// away is an answer of 503 with these headers.
const away = (headers) => () => {
  const { status, body } = verdict("unavailable");
  return new Response(body, { status, headers: { "Content-Type": "application/json", ...headers } });
};

// waits returns the pauses between the requests of one check, in seconds.
async function waits(fault, skew = 0) {
  const { server, browser, clock } = world();
  browser.skew = skew;
  await browser.signedIn();
  server.health = fault;
  server.requests = [];
  await clock.run(9 * minute);
  return server.requests.map((r) => r.at).map((t, n, at) => Math.round((t - at[n - 1]) / 100) / 10).slice(1);
}

test("Retry-After is the least that is waited; one that is long ends the retries", async () => {
  const date = (seconds) => new Date(Date.UTC(2027, 0, 4, 8) + seconds * second).toUTCString();
  const usual = [0.5, 1, 2, 4, 8, 16];
  const rows = [
    [{}, usual],
    [{ "Retry-After": "1" }, [1, 1, 2, 4, 8, 16]],
    [{ "Retry-After": "5" }, [5, 5, 5, 5, 8, 16]],
    [{ "Retry-After": "10" }, [10, 10, 10, 10, 10, 16]],
    [{ "Retry-After": "11" }, []],
    [{ "Retry-After": "9".repeat(400) }, []],
    ...["0", "-5", "soon", "1.5", "", "5, 5", "2030-01-01", "-1 GMT"].map((said) => [{ "Retry-After": said }, usual]),
    [{ "Retry-After": date(5), Date: date(0) }, [5, 5, 5, 5, 8, 16]],
    [{ "Retry-After": date(-5), Date: date(0) }, usual],
    [{ "Retry-After": date(86400), Date: date(0) }, []],
    [{ "Retry-After": date(5) }, usual], // by which clock?
  ];
  for (const [headers, want] of rows) {
    for (const skew of [0, hour]) assert.deepEqual(await waits(away(headers), skew), want, JSON.stringify(headers).slice(0, 80));
  }
});

test("a server that wants to be left alone for long is asked again after an interval", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = away({ "Retry-After": "86400" });
  await clock.run(hour);
  assert.deepEqual([server.checks, tab.states], [13, ["in"]]);
  server.health = () => verdict("ok");
  await clock.run(5 * minute);
  assert.equal(tab.verdicts.at(-1).outcome, "good");
});

test("retry ends with the first clear answer", async () => {
  const { server, browser, clock } = world();
  await browser.signedIn();
  server.requests = [];
  server.health = () => verdict(server.checks < 4 ? "unavailable" : "ok");
  await clock.run(6 * minute);
  assert.equal(server.checks, 4);
});

test("a sign-out or a stop ends the retries", async () => {
  for (const end of ["signedOut", "stop"]) {
    const { server, browser, clock } = world();
    const [tab] = await browser.signedIn(1, {}, ["locks"]);
    server.health = () => verdict("unknown_key");
    await clock.run(5 * minute + 2 * second);
    const before = server.checks;
    tab.monitor[end]();
    await clock.run(hour);
    assert.equal(server.checks, before, end);
  }
});

test("refresh refreshes once, and asks no more", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.requests = [];
  server.health = () => verdict(server.refreshes ? "ok" : "expired");
  await clock.run(6 * minute);
  assert.deepEqual([server.checks, server.refreshes], [1, 1]);
  const { method, init } = server.requests.find((r) => r.path === refreshPath);
  assert.deepEqual([method, init.credentials], ["POST", "include"]);
  const { verdict: said, outcome } = tab.verdicts.at(-1);
  assert.deepEqual([said.action, outcome], ["refresh", "good"]);
});

test("a refresh that is told to retry is retried", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => verdict(server.refreshes > 2 ? "ok" : "expired");
  server.refresh = () => (server.refreshes > 2 ? new Response(null, { status: 204 }) : new Response(null, { status: 503 }));
  await clock.run(6 * minute);
  assert.equal(server.refreshes, 3);
  assert.equal(tab.verdicts.at(-1).outcome, "good");
});

test("a page that finds an expired token refreshes it (scenario 54)", async () => {
  const { server, browser, clock } = world();
  server.health = () => verdict("expired");
  const tab = browser.open();
  await clock.run(second);
  assert.deepEqual([tab.states, server.refreshes, tab.prompts], [["in"], 1, 0]);
});
