// The fetch of the page, refreshes, and signing in and out.

import { test } from "node:test";
import assert from "node:assert/strict";
import { world, faults, verdict, json, origin, second, minute, hour, healthPath, refreshPath } from "./world.mjs";

const me = "/api/me";
const ok = () => new Response(null, { status: 204 });
const refused = () => json(401, { error: "expired" });

// signedIn is a world whose access token has expired: the API says 401 until refreshed.
async function signedIn(options) {
  const w = world();
  const [tab] = await w.browser.signedIn(1, options);
  w.server.other = () => (w.server.refreshes ? json(200, { subject: "demo" }) : refused());
  w.server.requests = [];
  return { ...w, tab, paths: () => w.server.requests.map((r) => r.path) };
}

// settled runs the clock until a promise is done.
async function settled(clock, promise) {
  await clock.run(minute);
  return promise;
}

test("a 401 is refreshed once, and the request repeated", async () => {
  const { clock, tab, paths } = await signedIn();
  const { fetch } = tab.monitor; // without its object
  const answer = await settled(clock, fetch(me));
  assert.equal(answer.status, 200);
  assert.deepEqual(paths(), [me, refreshPath, me]);
});

test("callers at the same time share one refresh", async () => {
  const { clock, tab, server } = await signedIn();
  const answers = await settled(clock, Promise.all([me, "/api/a", "/api/b", me].map((path) => tab.monitor.fetch(path))));
  assert.deepEqual(answers.map((a) => a.status), [200, 200, 200, 200]);
  assert.equal(server.refreshes, 1);
});

test("a 401 that comes after the refresh of another request is repeated, not refreshed again", async () => {
  const { clock, tab, server } = await signedIn();
  server.other = async (path) => {
    const fresh = server.refreshes > 0;
    if (path !== me) await new Promise((done) => clock.start(done, second)); // a slow one
    return fresh ? json(200, {}) : refused();
  };
  const answers = await settled(clock, Promise.all([me, "/api/slow", "/api/slow"].map((path) => tab.monitor.fetch(path))));
  assert.deepEqual(answers.map((a) => a.status), [200, 200, 200]);
  assert.equal(server.refreshes, 1);
});

test("a request that the page aborts while it waits for a refresh ends at once", async () => {
  for (const make of [(signal) => [me, { signal }], (signal) => [new Request(origin + me, { signal })]]) {
    const { clock, tab, server } = await signedIn();
    server.refresh = () => new Response(null, { status: 503 });
    const page = new AbortController(), reason = new Error("not needed any more");
    let failed;
    tab.monitor.fetch(...make(page.signal)).catch((error) => { failed = error; });
    const patient = tab.monitor.fetch(me);
    await clock.run(2 * second);
    page.abort(reason);
    await clock.run(1);
    assert.equal(failed, reason);
    server.refresh = ok;
    assert.equal((await settled(clock, patient)).status, 200, "the refresh goes on for the others");
  }
});

test("a check shares the refresh of a request", async () => {
  const { clock, tab, server } = await signedIn();
  server.health = () => verdict("expired");
  server.refresh = async () => { await new Promise((done) => clock.start(done, second)); return ok(); };
  const request = tab.monitor.fetch(me);
  tab.monitor.check();
  assert.equal((await settled(clock, request)).status, 200);
  assert.equal(server.refreshes, 1);
});

test("a 401 after the refresh is the answer: nothing goes round (scenario 64)", async () => {
  const { clock, tab, server, paths } = await signedIn();
  server.other = refused;
  assert.equal((await settled(clock, tab.monitor.fetch(me))).status, 401);
  assert.deepEqual(paths(), [me, refreshPath, me]);
});

test("never for refresh, logout, health or login", async () => {
  const { clock, tab, server } = await signedIn();
  server.health = server.refresh = server.other = refused;
  const list = [
    healthPath, refreshPath, "/api/auth/logout", "/api/auth/login?next=1", "api/auth/refresh#top", "/api/./x/../auth/logout",
    `https://APP.example.test:443${refreshPath}?a=b`, new URL(healthPath, origin), new Request(origin + refreshPath, { method: "POST" }),
  ];
  for (const path of list) {
    assert.equal((await settled(clock, tab.monitor.fetch(path, { method: "POST" }))).status, 401);
  }
  assert.equal(server.requests.filter((r) => r.method === "POST").length, list.length); // besides the checks
});

test("other answers than 401 are passed on", async () => {
  const { clock, tab, server } = await signedIn();
  for (const status of [200, 204, 403, 404, 429, 500, 503]) {
    server.other = () => new Response(null, { status });
    assert.equal((await settled(clock, tab.monitor.fetch(me))).status, status);
  }
  server.other = faults["no network"];
  await assert.rejects(tab.monitor.fetch(me), TypeError);
  assert.deepEqual([server.count(me), server.refreshes], [8, 0]);
});

test("a refused refresh is a 401 for the page, and one clear answer for the monitor", async () => {
  const { clock, tab, server } = await signedIn();
  server.other = refused;
  server.refresh = () => json(401, { error: "revoked" });
  server.health = () => verdict("revoked");
  for (let n = 0; n < 3; n++) assert.equal((await tab.monitor.fetch(me)).status, 401);
  assert.equal(tab.prompts, 0);
  await clock.run(40 * second);
  assert.deepEqual([tab.prompts, server.checks], [1, 1]);
});

for (const [name, fault] of Object.entries(faults)) {
  if (name === "401" || name.startsWith("200 in other") || name.startsWith("200 with")) continue;
  test(`a refresh that cannot be told: ${name}: is a 503 for the page, and no end`, async () => {
    const { clock, tab, server } = await signedIn();
    server.other = refused;
    server.refresh = fault;
    const answer = await settled(clock, tab.monitor.fetch(me));
    assert.deepEqual([answer.status, tab.prompts, tab.monitor.state], [503, 0, "in"]);
    assert.equal(server.refreshes, name.startsWith("503") ? 7 : 1);
  });
}

test("callers who wait for a refresh wait together", async () => {
  const { browser, clock, tab, server } = await signedIn();
  browser.random = Math.random;
  server.refresh = () => new Response(null, { status: 503 });
  const answers = await settled(clock, Promise.all([me, me, me, me].map((path) => tab.monitor.fetch(path))));
  assert.deepEqual(answers.map((a) => a.status), [503, 503, 503, 503]);
  assert.equal(server.refreshes, 7);
});

test("a page that cannot be told is told when to ask again", async () => {
  for (const [said, want] of [["7", "7"], ["600", "600"], [null, "1"], ["9".repeat(400), "3600"]]) {
    const { clock, tab, server } = await signedIn();
    server.refresh = () => new Response(null, { status: 503, headers: said ? { "Retry-After": said } : {} });
    const answer = await settled(clock, tab.monitor.fetch(me));
    assert.deepEqual([answer.status, answer.headers.get("Retry-After")], [503, want]);
  }
});

test("requests with a body are repeated with it; a stream is not", async () => {
  const { clock, tab, server } = await signedIn();
  const bodies = [];
  server.other = async (path, init) => {
    bodies.push(init?.body);
    return server.refreshes ? ok() : refused();
  };
  await settled(clock, tab.monitor.fetch(me, { method: "PUT", body: "x=1" }));
  assert.deepEqual(bodies, ["x=1", "x=1"]);
  server.requests = [];
  const stream = new ReadableStream();
  assert.equal((await settled(clock, tab.monitor.fetch(me, { method: "PUT", body: stream, duplex: "half" }))).status, 401);
  assert.equal(server.refreshes, 0);
});

test("a Request can be repeated", async () => {
  const { clock, tab, server } = await signedIn();
  const request = new Request(origin + me, { method: "POST", body: "x=1" });
  const texts = [];
  const before = server.fetch.bind(server);
  server.fetch = async (input, init, t) => {
    if (input instanceof Request) texts.push(await input.text());
    return before(input, init, t);
  };
  assert.equal((await settled(clock, tab.monitor.fetch(request))).status, 200);
  assert.deepEqual(texts, ["x=1", "x=1"]);
});

test("other origins get the request as it is: no cookies, no token, no refresh", async () => {
  const { clock, tab, server } = await signedIn({ tokens: { get: () => ({ access_token: "secret" }), set() {} } });
  server.other = refused;
  server.requests = [];
  const init = { headers: { Accept: "text/plain" } };
  const answer = await settled(clock, tab.monitor.fetch("https://elsewhere.example.test/api", init));
  assert.equal(answer.status, 401);
  assert.deepEqual([server.requests.length, server.requests[0].init], [1, init]);
});

test("a stop ends the retries of a refresh", async () => {
  const { clock, tab, server } = await signedIn();
  server.refresh = () => new Response(null, { status: 503 });
  tab.monitor.fetch(me);
  await clock.run(second);
  const before = server.refreshes;
  assert.ok(before > 0);
  tab.monitor.stop();
  await clock.run(minute);
  assert.equal(server.refreshes, before);
});

test("a sign-out that the page has sent itself drops a refresh under way, here and in the other tabs", async () => {
  const { server, browser, clock } = world();
  const [tab, other] = await browser.signedIn(2);
  let aborted = 0;
  server.refresh = (init) => new Promise((_, reject) => init.signal.addEventListener("abort", () => { aborted++; reject(init.signal.reason); }));
  server.other = refused;
  tab.monitor.fetch(me);
  other.monitor.fetch(me);
  await clock.run(second);
  assert.deepEqual([server.refreshes, aborted], [2, 0]);
  tab.monitor.signedOut();
  await clock.run(second);
  assert.deepEqual([aborted, tab.monitor.state, other.monitor.state], [2, "out", "out"]);
});

test("signIn drops a refresh under way before it sends, and starts the monitor", async () => {
  const { server, browser, clock } = world();
  server.health = () => verdict("no_token");
  const tab = browser.open();
  await clock.run(second);
  let aborted = false;
  server.refresh = (init) => new Promise((_, reject) => init.signal.addEventListener("abort", () => { aborted = true; reject(init.signal.reason); }));
  server.other = refused;
  const request = tab.monitor.fetch(me);
  await clock.run(second);
  assert.equal(server.refreshes, 1);

  let before;
  server.health = () => verdict("ok");
  const answer = await settled(clock, tab.monitor.signIn(async () => { before = aborted; return json(200, {}); }));
  assert.deepEqual([answer.status, before, tab.monitor.state], [200, true, "in"]);
  assert.notEqual((await request).status, 200);
});

test("a sign-in that is refused or fails changes nothing", async () => {
  const { server, browser, clock } = world();
  server.health = () => verdict("no_token");
  const tab = browser.open();
  await clock.run(second);
  assert.equal((await tab.monitor.signIn(async () => refused())).status, 401);
  await assert.rejects(tab.monitor.signIn(async () => { throw new TypeError("Failed to fetch"); }), TypeError);
  await clock.run(hour);
  assert.deepEqual([tab.states, server.checks], [["out"], 1]);
});

test("no refresh starts while a sign-in or sign-out is under way", async () => {
  const { clock, tab, server } = await signedIn();
  server.other = refused;
  server.health = () => verdict("expired");
  let done;
  const out = tab.monitor.signOut(() => new Promise((resolve) => { done = () => resolve(ok()); }));
  assert.equal((await settled(clock, tab.monitor.fetch(me))).status, 401);
  await settled(clock, tab.monitor.check());
  assert.equal(server.refreshes, 0);
  done();
  await out;
  assert.equal(tab.monitor.state, "out");
});

test("signOut drops the refreshes of all tabs, posts, and stops", async () => {
  const { server, browser, clock } = world();
  const [tab, other] = await browser.signedIn(2);
  let aborted = false;
  server.refresh = (init) => new Promise((_, reject) => init.signal.addEventListener("abort", () => { aborted = true; reject(init.signal.reason); }));
  let before;
  server.other = async (path) => {
    if (path === me) return refused();
    await new Promise((done) => clock.start(done, second));
    before = aborted;
    return ok();
  };
  const request = other.monitor.fetch(me);
  await clock.run(second);
  const answer = await settled(clock, tab.monitor.signOut());
  assert.deepEqual([answer.status, before, server.count("/api/auth/logout")], [204, true, 1]);
  assert.deepEqual([tab.monitor.state, other.monitor.state, browser.prompts], ["out", "out", 0]);
  assert.equal((await request).status, 503);
});

test("a sign-out that fails is none, unless the cookies are gone", async () => {
  for (const [status, health, state] of [[403, "ok", "in"], [500, "ok", "in"], [503, "ok", "in"], [503, "no_token", "out"]]) {
    const { clock, tab, server } = await signedIn();
    server.health = () => verdict(health);
    server.other = () => json(status, { error: "unavailable" });
    assert.equal((await settled(clock, tab.monitor.signOut())).status, status);
    assert.equal(tab.monitor.state, state, `${status} and ${health}`);
  }
});

// bearer is a world of a page that keeps its tokens itself.
async function bearer() {
  const w = world();
  let tokens = { access_token: "a1", refresh_token: "r1" };
  const [tab] = await w.browser.signedIn(1, { tokens: { get: () => tokens, set: (t) => { tokens = t; } } });
  return { ...w, tab, tokens: () => tokens };
}

const authorization = (request) => new Headers(request.init.headers).get("Authorization");

test("Bearer: checks and requests carry the token, refreshes the body", async () => {
  const { server, clock, tab, tokens } = await bearer();
  assert.equal(authorization(server.requests[0]), "Bearer a1");
  server.other = () => (server.refreshes ? json(200, {}) : refused());
  server.refresh = () => json(200, { access_token: "a2", refresh_token: "r2", token_type: "Bearer", expires_in: 900 });
  server.requests = [];
  assert.equal((await settled(clock, tab.monitor.fetch(me, { headers: { Accept: "text/plain" } }))).status, 200);
  const [first, refresh, again] = server.requests;
  assert.deepEqual([authorization(first), authorization(again)], ["Bearer a1", "Bearer a2"]);
  assert.equal(new Headers(again.init.headers).get("Accept"), "text/plain");
  assert.equal(refresh.init.body, '{"refresh_token":"r1"}');
  assert.equal(tokens().refresh_token, "r2");
});

test("Bearer: requests carry cookies too, and what the page itself says of who asks", async () => {
  const { server, clock, tab } = await bearer();
  server.requests = [];
  await settled(clock, tab.monitor.fetch(me, { headers: { Authorization: "Basic x" } }));
  await settled(clock, tab.monitor.fetch(me));
  assert.deepEqual(server.requests.filter((r) => r.path === me).map((r) => [authorization(r), r.init.credentials]),
    [["Basic x", "include"], ["Bearer a1", "include"]]);
});

test("Bearer: a sign-out sends and forgets the tokens", async () => {
  const { server, clock, tab, tokens } = await bearer();
  server.other = ok;
  await settled(clock, tab.monitor.signOut());
  const request = server.requests.at(-1);
  assert.deepEqual([authorization(request), request.init.body, tokens()], ["Bearer a1", '{"refresh_token":"r1"}', null]);
  assert.equal(tab.monitor.state, "out");
});

test("Bearer: a late refresh does not bring the tokens back", async () => {
  const { server, clock, tab, tokens } = await bearer();
  let answer;
  server.refresh = () => new Promise((resolve) => { answer = () => resolve(json(200, { access_token: "a2", refresh_token: "r2" })); });
  server.other = (path) => (path === me ? refused() : ok());
  const request = tab.monitor.fetch(me);
  await clock.run(second);
  await settled(clock, tab.monitor.signOut());
  answer();
  await settled(clock, request);
  assert.equal(tokens(), null);
});

test("Bearer: without a refresh token, refresh means login", async () => {
  const w = world();
  const tokens = { get: () => ({ access_token: "a1" }), set() {} };
  const [tab] = await w.browser.signedIn(1, { tokens });
  w.server.health = () => verdict("expired");
  await w.clock.run(10 * minute);
  assert.deepEqual([w.server.refreshes, tab.prompts], [0, 1]);
});

test("Bearer: tabs with tokens of their own neither tell nor believe", async () => {
  const { server, browser, clock, tab } = await bearer();
  let tokens = { access_token: "b1", refresh_token: "s1" };
  const other = browser.open({ tokens: { get: () => tokens, set: (t) => { tokens = t; } } });
  await clock.run(31 * minute);
  assert.equal(server.checks, 14);
  other.monitor.signedOut();
  await clock.run(second);
  assert.deepEqual([other.monitor.state, tab.monitor.state], ["out", "in"]);
});

test("Bearer: tabs that share their tokens sign in and out together", async () => {
  const { server, browser, clock, tab } = await bearer();
  let tokens = { access_token: "a1", refresh_token: "r1" };
  const other = browser.open({ tokens: { get: () => tokens, set() {} } });
  await clock.run(second);
  assert.equal(other.monitor.state, "in");
  tab.monitor.signedOut();
  await clock.run(100);
  tokens = null; // a moment later, as storage of another process
  server.health = () => verdict("no_token");
  await clock.run(hour);
  assert.deepEqual([other.states, browser.prompts], [["in", "out"], 0]);
});
