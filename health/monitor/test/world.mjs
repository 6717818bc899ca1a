// A world for the monitor: one clock, a browser with tabs, and a server, all of them made
// here, so that a day passes in a moment and every fault can be played.

import { createHash } from "node:crypto";
import { startMonitor } from "../monitor.js";

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;

export const origin = "https://app.example.test";
export const healthPath = "/api/auth/token-health";
export const refreshPath = "/api/auth/refresh";

// Node 18 has none.
globalThis.CustomEvent ??= class extends Event {
  constructor(type, options) { super(type, options); this.detail = options.detail; }
};

// Digests of the world take no time. Node 18 has no others.
Object.defineProperty(globalThis, "crypto", { configurable: true, writable: true, value: {
  subtle: { digest: async (name, data) => createHash(name.replace("-", "")).update(data).digest() },
} });

const settle = async () => {
  for (let n = 0; n < 4; n++) await new Promise(setImmediate);
};

// Clock is the time of the whole world. Timers of a tab that stands still wait.
export class Clock {
  time = Date.UTC(2027, 0, 4, 8);
  #timers = new Map();
  #last = 0;

  start(f, ms, tab) {
    this.#timers.set(++this.#last, { f, at: this.time + Math.max(0, ms ?? 0), tab });
    return this.#last;
  }

  cancel(id) { this.#timers.delete(id); }

  // count is the number of running timers.
  get count() { return this.#timers.size; }

  // run lets time pass, in steps from timer to timer.
  async run(ms) {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const [id, timer] = [...this.#timers].filter(([, t]) => !t.tab?.frozen && t.at <= end).sort(([a, s], [b, t]) => s.at - t.at || a - b)[0] ?? [];
      if (!timer) break;
      this.#timers.delete(id);
      this.time = Math.max(this.time, timer.at);
      timer.f();
      await settle();
    }
    this.time = end;
  }

  // sleep is the computer asleep: the time passes, the timers do not.
  sleep(ms) {
    this.time += ms;
    for (const timer of this.#timers.values()) timer.at += ms;
  }
}

// Locks are Web Locks, as far as the monitor uses them.
class Locks {
  names = new Set(); // all that there ever were
  #held = new Map();

  async request(name, { ifAvailable, steal }, work) {
    this.names.add(name);
    const holder = this.#held.get(name);
    if (holder && ifAvailable) return work(null);
    if (holder && !steal) throw new Error("the monitor must not queue for a lock");
    holder?.lose();
    const mine = {};
    this.#held.set(name, mine);
    const lost = new Promise((_, reject) => { mine.lose = () => reject(new DOMException("stolen", "AbortError")); });
    try {
      return await Promise.race([work({ name }), lost]);
    } finally {
      if (this.#held.get(name) === mine) this.#held.delete(name);
    }
  }
}

// Element is as much of one as the dialog needs.
export class Element extends EventTarget {
  style = {};
  children = [];
  attributes = {};
  open = false;
  constructor(name) { super(); this.name = name; }
  appendChild(child) { child.parent = this; this.children.push(child); return child; }
  remove() { this.parent.children = this.parent.children.filter((c) => c !== this); }
  setAttribute(name, value) { this.attributes[name] = value; }
  showModal() { this.open = true; }
  close() { if (this.open) { this.open = false; this.dispatchEvent(new Event("close")); } }
  click() { this.dispatchEvent(new Event("click")); }
  find(name) { return this.children.flatMap((c) => [...(c.name === name ? [c] : []), ...c.find(name)]); }
}

// Tab is one page with a monitor. Options are those of the monitor; without is a list of
// what this browser lacks.
class Tab {
  frozen = false;
  prompts = 0;
  states = [];
  verdicts = [];
  #queue = [];

  constructor(browser, options, without) {
    this.browser = browser;
    this.window = Object.assign(new EventTarget(), { location: { href: origin + "/page" } });
    this.document = Object.assign(new EventTarget(), {
      visibilityState: "visible",
      body: new Element("body"),
      createElement: (name) => new Element(name),
    });
    const { clock } = browser;
    this.monitor = startMonitor({
      window: this.window,
      document: this.document,
      locks: without.includes("locks") ? null : browser.locks,
      channel: without.includes("channel") ? null : () => this.#open(),
      fetch: (url, init) => browser.server.fetch(url, init, this),
      clock: {
        now: () => clock.time + browser.skew,
        setTimeout: (f, ms) => clock.start(f, ms, this),
        clearTimeout: (id) => clock.cancel(id),
        random: () => browser.random(),
      },
      onVerdict: (detail) => this.verdicts.push(detail),
      onState: (state) => this.states.push(state),
      onPrompt: () => this.prompts++,
      ...options,
    });
  }

  #open() {
    const port = {
      postMessage: (data) => {
        this.browser.posted.push(structuredClone(data));
        for (const other of this.browser.ports) {
          if (other !== port) other.tab.hear(other, structuredClone(data));
        }
      },
      close: () => this.browser.ports.delete(port),
      tab: this,
    };
    this.browser.ports.add(port);
    return port;
  }

  hear(port, data) {
    if (this.frozen) this.#queue.push(() => port.onmessage({ data }));
    else this.browser.clock.start(() => port.onmessage?.({ data }), this.browser.delay);
  }

  freeze() {
    this.document.dispatchEvent(new Event("freeze"));
    this.frozen = true;
  }

  resume() {
    this.frozen = false;
    this.#queue.splice(0).forEach((deliver) => deliver());
    this.document.dispatchEvent(new Event("resume"));
  }

  show() { this.document.dispatchEvent(new Event("visibilitychange")); }
  online() { this.window.dispatchEvent(new Event("online")); }

  // leave and comeBack are a navigation away and back, with the page kept as it was; what
  // is said meanwhile is not heard.
  leave() {
    this.window.dispatchEvent(new Event("pagehide"));
    this.frozen = true;
  }

  comeBack() {
    this.frozen = false;
    this.#queue = [];
    this.window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  }

  close() {
    this.monitor.stop();
  }

  get dialog() { return this.document.body.find("dialog")[0]; }
}

// Browser has tabs that share a clock, locks and messages.
export class Browser {
  tabs = [];
  ports = new Set();
  posted = [];
  locks = new Locks();
  skew = 0; // how far its clock is off
  delay = 1; // of messages between tabs
  random = () => 0;

  constructor(server, clock = new Clock()) {
    this.server = server;
    this.clock = clock;
    server.clock = clock;
  }

  open(options = {}, without = []) {
    const tab = new Tab(this, options, without);
    this.tabs.push(tab);
    return tab;
  }

  // signedIn opens so many tabs, the first of which finds a session, and lets them settle.
  async signedIn(tabs = 1, options = {}, without = []) {
    for (let n = 0; n < tabs; n++) {
      this.open(options, without);
      await this.clock.run(second);
    }
    return this.tabs;
  }

  get prompts() { return this.tabs.reduce((sum, tab) => sum + tab.prompts, 0); }
}

const rows = {
  ok: [200, true, true, "none"],
  previous_key: [200, true, true, "none"],
  expired: [200, true, false, "refresh"],
  revoked: [200, true, false, "login"],
  no_token: [200, false, false, "login"],
  invalid: [200, false, false, "login"],
  unknown_key: [503, false, false, "retry"],
  unavailable: [503, false, false, "retry"],
};

export function json(status, body) {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json; charset=utf-8" } });
}

// verdict is the answer of health with a status, edited.
export function verdict(status, edits) {
  const [code, compatible, authenticated, action] = rows[status];
  return json(code, {
    compatible, authenticated, action, status,
    token_version: authenticated ? "v1" : null, server_version: "v1", transport: "cookie",
    refreshable: action === "refresh", expires_in: authenticated ? 600 : 0, server_time: 1799050000, ...edits,
  });
}

const html = (status) => new Response("<h1>Sorry</h1>", { status, headers: { "Content-Type": "text/html" } });

// faults are answers that say nothing about the session.
export const faults = {
  "no network": () => { throw new TypeError("Failed to fetch"); },
  "hangs": () => new Promise(() => {}),
  "hangs in the body": () => new Response(new ReadableStream(), { headers: { "Content-Type": "application/json" } }),
  "401": () => json(401, { error: "invalid" }),
  "401 in HTML": () => html(401),
  "404": () => json(404, { error: "not_found" }),
  "429": () => json(429, { error: "slow_down", action: "login" }),
  "500": () => json(500, { action: "login" }),
  "502 in HTML": () => html(502),
  "503 in HTML": () => html(503),
  "503 that says login": () => json(503, { action: "login" }),
  "200 in HTML": () => html(200),
  "200 in broken JSON": () => new Response('{"action":"lo', { headers: { "Content-Type": "application/json" } }),
  "200 in other JSON": () => json(200, { hello: "world" }),
  "200 in JSON that is null": () => json(200, null),
  "200 with an action of tomorrow": () => json(200, { action: "constructor" }),
};

// Server answers health with what health returns, and refresh likewise.
export class Server {
  requests = []; // {path, method, at, tab, init}
  health = () => verdict("ok");
  refresh = () => new Response(null, { status: 204 });
  other = () => json(200, {});

  async fetch(url, init, tab) {
    const { pathname } = new URL(url.url ?? url, origin);
    this.requests.push({ path: pathname, method: init?.method ?? "GET", at: this.clock.time, tab, init });
    await null;
    if (pathname === healthPath) return this.health(init);
    if (pathname === refreshPath) return this.refresh(init);
    return this.other(pathname, init);
  }

  count(path) { return this.requests.filter((r) => r.path === path).length; }
  get checks() { return this.count(healthPath); }
  get refreshes() { return this.count(refreshPath); }
}

// world is a browser and its server.
export function world() {
  const server = new Server();
  const browser = new Browser(server);
  return { server, browser, clock: browser.clock };
}
