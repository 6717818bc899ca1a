// The prompt: after two clear refusals, once per tab, and the page stays as it is.

import { test } from "node:test";
import assert from "node:assert/strict";
import { world, verdict, json, second, minute, hour } from "./world.mjs";

test("login said twice: one prompt, within two intervals of the end of the session", async () => {
  for (const status of ["revoked", "no_token", "invalid"]) {
    const { server, browser, clock } = world();
    browser.random = () => 0.999;
    const [tab] = await browser.signedIn();
    await clock.run(20 * second);
    server.health = () => verdict(status);
    await clock.run(10 * minute);
    assert.deepEqual([tab.prompts, tab.states], [1, ["in", "ended"]], status);
    await clock.run(24 * hour);
    tab.show();
    await clock.run(hour);
    assert.equal(tab.prompts, 1, "no second prompt");
    assert.ok(server.checks <= 5, `got ${server.checks} checks, want none by the clock after the prompt`);
  }
});

test("login beside a good refresh token: refreshed, and a prompt only when that is refused twice", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => verdict(server.refreshes ? "ok" : "revoked", { refreshable: true });
  await clock.run(hour);
  assert.deepEqual([server.refreshes, tab.prompts, tab.states], [1, 0, ["in"]]);
  server.health = () => verdict("revoked", { refreshable: true });
  server.refresh = () => json(401, { error: "revoked" });
  await clock.run(10 * minute);
  assert.deepEqual([server.refreshes, tab.prompts, tab.states], [3, 1, ["in", "ended"]]);
});

test("login beside what is no answer about a refresh token: a prompt", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => verdict("revoked", { refreshable: "true" });
  await clock.run(hour);
  assert.deepEqual([server.refreshes, tab.prompts], [0, 1]);
});

test("login said once: no prompt", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => verdict(server.checks === 2 ? "invalid" : "ok");
  await clock.run(hour);
  assert.deepEqual([tab.prompts, tab.states], [0, ["in"]]);
});

test("login, fine, login, fine: no prompt", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => verdict(server.checks % 2 ? "ok" : "no_token");
  await clock.run(hour);
  assert.deepEqual([tab.prompts, tab.states], [0, ["in"]]);
});

test("the second question comes half a minute after the first", async () => {
  const { server, browser, clock } = world();
  await browser.signedIn();
  server.health = () => verdict("revoked");
  await clock.run(6 * minute);
  const [, first, second] = server.requests.map((r) => r.at);
  assert.equal(Math.round((second - first) / 1000), 30);
});

test("login, then nothing to be told, then login: the second is asked for at the usual time", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => (server.checks === 3 ? new Response("", { status: 500 }) : verdict("revoked"));
  await clock.run(6 * minute);
  assert.equal(tab.prompts, 0);
  await clock.run(5 * minute);
  assert.equal(tab.prompts, 1);
});

test("refusals in a burst are one", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => verdict("invalid");
  for (let n = 0; n < 5; n++) {
    tab.monitor.check();
    await clock.run(second);
  }
  server.health = () => verdict("ok");
  await clock.run(hour);
  assert.equal(tab.prompts, 0);
});

test("a refused refresh is a clear answer", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => verdict("expired");
  server.refresh = () => json(401, { error: "reused" });
  await clock.run(5 * minute + 10 * second);
  assert.deepEqual([server.refreshes, tab.prompts], [1, 0]);
  await clock.run(5 * minute);
  assert.deepEqual([server.refreshes, tab.prompts], [2, 1]);
});

test("a page that is loaded after the end shows its sign-in form, and no prompt", async () => {
  const { server, browser, clock } = world();
  await browser.signedIn();
  server.health = () => verdict("revoked");
  await clock.run(10 * minute);
  const late = browser.open();
  await clock.run(hour);
  assert.deepEqual([late.states, late.prompts], [["out"], 0]);
});

// ended returns a tab whose session has ended.
async function ended(options) {
  const w = world();
  const [tab] = await w.browser.signedIn(1, options);
  w.server.health = () => verdict("revoked");
  await w.clock.run(10 * minute);
  assert.equal(tab.monitor.state, "ended");
  return { ...w, tab };
}

test("the dialog is named, described, modal, and can be closed; the page stays", async () => {
  const { tab } = await ended();
  const { dialog, document } = tab;
  assert.ok(dialog.open);
  const ids = new Map(["h2", "p"].map((name) => [name, dialog.find(name)[0].id]));
  assert.equal(dialog.attributes["aria-labelledby"], ids.get("h2"));
  assert.equal(dialog.attributes["aria-describedby"], ids.get("p"));
  assert.notEqual(ids.get("h2"), (await ended()).tab.dialog.find("h2")[0].id, "two prompts on a page are not confused");
  const [close, ...more] = dialog.find("button");
  assert.equal(more.length, 0, "without signIn there is no button for it");
  close.click();
  assert.equal(document.body.children.length, 0, "the dialog leaves nothing behind");
  assert.equal(tab.monitor.state, "ended");
});

test("Sign in closes the dialog and calls the page, or opens an address in a new tab", async () => {
  let called = 0;
  const first = await ended({ signIn: () => called++, texts: { title: "Bitte melden Sie sich neu an" } });
  assert.equal(first.tab.dialog.find("h2")[0].textContent, "Bitte melden Sie sich neu an");
  first.tab.dialog.find("button")[0].click();
  assert.deepEqual([called, first.tab.dialog], [1, undefined]);

  const second = await ended({ signIn: "/sign-in" });
  const [link] = second.tab.dialog.find("a");
  assert.deepEqual([link.href, link.target], ["/sign-in", "_blank"]);
});

test("no dialog: by option, by preventDefault; the event comes all the same", async () => {
  assert.equal((await ended({ prompt: false })).tab.dialog, undefined);
  let told;
  const { tab } = await ended({ onPrompt: (verdict, event) => { told = verdict; event.preventDefault(); } });
  assert.deepEqual([tab.dialog, told.status], [undefined, "revoked"]);
});

test("events are those of the callbacks", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  const seen = [];
  for (const type of ["verdict", "state", "prompt"]) tab.monitor.addEventListener(type, ({ detail }) => seen.push([type, detail]));
  server.health = () => verdict("revoked");
  await clock.run(10 * minute);
  assert.deepEqual(seen.map(([type]) => type), ["verdict", "verdict", "state", "prompt"]);
  assert.deepEqual([seen[0][1].outcome, seen[2][1], seen[3][1].status], ["over", "ended", "revoked"]);
});

test("a new sign-in closes the dialog, and the next end prompts again", async () => {
  const { server, clock, tab } = await ended();
  server.health = () => verdict("ok");
  tab.monitor.signedIn();
  await clock.run(second);
  assert.deepEqual([tab.dialog, tab.monitor.state], [undefined, "in"]);
  server.health = () => verdict("revoked");
  await clock.run(10 * minute);
  assert.equal(tab.prompts, 2);
});

test("a session that is back closes the dialog when the page is looked at", async () => {
  for (const after of [20 * second, hour]) {
    const { server, clock, tab } = await ended();
    tab.monitor.check();
    await clock.run(second);
    server.health = () => verdict("previous_key");
    await clock.run(after);
    tab.show();
    await clock.run(second);
    assert.deepEqual([tab.dialog, tab.monitor.state], [undefined, "in"]);
  }
});

test("a clock that is put back does not hide the second refusal", async () => {
  const { server, browser, clock } = world();
  const [tab] = await browser.signedIn();
  server.health = () => verdict("revoked");
  await clock.run(5 * minute);
  assert.equal(tab.prompts, 0);
  browser.skew = -12 * hour;
  await clock.run(minute);
  assert.deepEqual([tab.prompts, tab.monitor.state], [1, "ended"]);
});

test("stop closes the dialog", async () => {
  const { tab } = await ended();
  assert.ok(tab.dialog);
  tab.monitor.stop();
  assert.equal(tab.dialog, undefined);
});
