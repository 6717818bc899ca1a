// The browser side of sessionring: it watches whether this browser's tokens still fit
// the server, refreshes them when they have expired, and asks for a new sign-in only
// when the server has clearly said, twice, that the session is over. It ends nothing
// itself: what the server does not say clearly changes nothing. See monitor.d.ts.

const defaults = {
  healthURL: "/api/auth/token-health",
  refreshURL: "/api/auth/refresh",
  loginURL: "/api/auth/login",
  logoutURL: "/api/auth/logout",
  interval: 5 * 60_000,
};

const defaultTexts = {
  title: "Please sign in again",
  text: "Your session has ended. This page stays as it is, with all that you have entered.",
  signIn: "Sign in",
  later: "Not now",
};

const patience = 10_000; // how long one request may take, and a pause that a server asks for
const tick = 30_000; // how often to look at the clock: timers stand still while a computer sleeps
const retries = 6;
const firstWait = 500;

export function startMonitor(options) {
  return new Monitor(options);
}

class Monitor extends EventTarget {
  #options;
  #clock;
  #locks;
  #channel;
  #name; // of lock and channel
  #urls = {}; // absolute

  #state = "unknown";
  #verdict = null;
  #news = null; // the newest
  #at = -Infinity; // when the newest news began, by the clock that all tabs share
  #due = -Infinity;
  #failed = false; // the newest check told nothing
  #away = 0; // how long the server wants to be left alone, said its newest answer
  #refusals = 0; // clear ones in a row
  #refusedAt = -Infinity; // the last that was counted
  #late = null; // a promise: what was heard is looked at once more
  #busy = 0; // how often in a row another tab held the lock and told nothing

  #timer;
  #checking = null; // {promise, abort}
  #refreshing = null; // the same
  #renewing = null; // a promise
  #renewals = 0; // how often this tab has refreshed
  #changing = 0; // sign-ins and sign-outs under way
  #dialog = null;
  #stopped = false;
  #undo = [];

  constructor(options = {}) {
    super();
    const o = this.#options = { window: globalThis.window, document: globalThis.document, ...options };
    for (const [name, value] of Object.entries(defaults)) o[name] ??= value;
    if (!(o.interval > 0)) throw new RangeError("startMonitor: interval must be a number of milliseconds above 0");
    o.fetch ??= (...args) => globalThis.fetch(...args);
    this.#clock = {
      now: () => Date.now(),
      setTimeout: (f, ms) => globalThis.setTimeout(f, ms),
      clearTimeout: (id) => globalThis.clearTimeout(id),
      random: () => Math.random(),
      ...o.clock,
    };
    for (const name of ["healthURL", "refreshURL", "loginURL", "logoutURL"]) {
      this.#urls[name] = this.#absolute(o[name]);
    }
    this.#name = `sessionring ${this.#urls.healthURL.href}`;
    this.#locks = o.locks === undefined ? globalThis.navigator?.locks : o.locks;
    this.#channel = o.channel === undefined ? openChannel(this.#name, o.window) : o.channel?.(this.#name) ?? null;
    this.fetch = this.fetch.bind(this);
    this.#listen();
    this.#greet();
  }

  get state() { return this.#state; }
  get verdict() { return this.#verdict; }

  check() {
    if (this.#stopped) return Promise.resolve(this.#verdict);
    if (this.#checking) return this.#checking.promise;
    const check = this.#checking = { abort: new AbortController() };
    check.promise = this.#check(check.abort.signal).finally(() => {
      if (this.#checking === check) this.#checking = null;
      this.#arm();
    });
    return check.promise;
  }

  async signIn(send) {
    const answer = await this.#change(send);
    if (answer.ok) {
      const told = this.#tell({ kind: "in" });
      this.check();
      await told; // before the page leaves, say
    }
    return answer;
  }

  async signOut(send = () => this.#logout()) {
    const answer = await this.#change(send);
    if (answer.ok || (answer.status === 503 && await this.#cleared())) this.signedOut();
    return answer;
  }

  signedIn() {
    this.#tell({ kind: "in" });
    return this.check();
  }

  signedOut() {
    this.#options.tokens?.set(null);
    this.#tell({ kind: "out" });
  }

  stop() {
    this.#stopped = true;
    this.#abandonCheck();
    this.#dropRefresh();
    this.#clock.clearTimeout(this.#timer);
    this.#dialog?.close();
    this.#undo.forEach((undo) => undo());
    this.#channel?.close();
  }

  // fetch refreshes once on a 401 and repeats the request.
  async fetch(input, init) {
    const url = this.#absolute(input.url ?? input);
    if (url.origin !== this.#urls.refreshURL.origin) return this.#options.fetch(input, init);
    const again = typeof input.clone === "function" ? input.clone() : input;
    const before = this.#renewals;
    const answer = await this.#send(input, init);
    const routine = Object.values(this.#urls).some((u) => u.pathname === url.pathname);
    if (answer.status !== 401 || routine || this.#changing || init?.body?.getReader) return answer;
    const renewed = this.#renewals > before; // while it was on its way
    const kind = renewed ? "good" : await unlessAborted(init?.signal ?? input.signal, this.#renew());
    if (kind === "good") return this.#send(again, init);
    if (kind === "over") return answer;
    return new Response(null, { status: 503, headers: { "Retry-After": Math.ceil(this.#away / 1000) || 1 } });
  }

  // ---- When to ask

  #listen() {
    const { window, document, interval } = this.#options;
    for (const [type, name] of [["verdict", "onVerdict"], ["state", "onState"], ["prompt", "onPrompt"]]) {
      if (this.#options[name]) this.addEventListener(type, (event) => this.#options[name](event.detail, event));
    }
    const on = (target, type, f) => {
      target?.addEventListener(type, f);
      this.#undo.push(() => target?.removeEventListener(type, f));
    };
    // Whoever comes back to a prompt may have signed in elsewhere meanwhile.
    const age = () => (this.#state === "ended" ? patience : interval);
    on(document, "visibilitychange", () => document.visibilityState === "visible" && this.#look(age()));
    on(document, "resume", () => this.#look(interval));
    on(window, "online", () => this.#look(this.#failed ? patience : interval));
    on(window, "pageshow", (event) => event.persisted && this.#greet());
    // A page that stands still keeps its locks, and others would wait for it.
    on(document, "freeze", () => this.#abandonCheck());
    on(window, "pagehide", () => this.#abandonCheck());
    if (this.#channel) this.#channel.onmessage = (event) => this.#hear(event.data);
  }

  // greet is for a page that has just come: it asks the other tabs, and where none has
  // been told lately that somebody is signed in, the server. That nobody was proves
  // nothing: somebody may have signed in on a page without a monitor.
  async #greet() {
    this.#at = -Infinity;
    if (this.#channel) {
      this.#post({ kind: "hello", state: this.#state });
      await this.#sleep(100);
    }
    if (this.#state !== "in" || !this.#fresh(this.#options.interval)) await this.check();
  }

  // look asks unless the last answer is younger than age.
  #look(age) {
    if (this.#state !== "out" && !this.#fresh(age)) this.check();
  }

  #fresh(age) {
    const passed = this.#clock.now() - this.#at;
    return passed >= 0 && passed < age; // a clock that was put back proves nothing
  }

  #arm() {
    this.#clock.clearTimeout(this.#timer);
    if (this.#stopped || this.#state === "out" || this.#state === "ended") return;
    const left = Math.max(0, this.#due - this.#clock.now());
    this.#timer = this.#clock.setTimeout(() => this.#wake(), Math.min(left, tick));
  }

  #wake() {
    const now = this.#clock.now();
    if (now >= this.#due || now < this.#at) this.check();
    else this.#arm();
  }

  // ---- Asking

  async #check(signal) {
    await this.#insist(() => this.#locked(() => this.#attempt(signal), signal), signal);
    return this.#verdict;
  }

  // insist repeats what nobody could tell, six times, each time later, unless the server
  // wants to be left alone for long.
  async #insist(attempt, signal) {
    for (let n = 0; ; n++) {
      const kind = await attempt();
      if (kind !== "retry" || n === retries || this.#away > patience) return kind;
      await this.#sleep(Math.max(firstWait * 2 ** n, this.#away) * (1 + this.#clock.random() / 2));
      if (signal?.aborted || this.#stopped) return "unknown";
    }
  }

  // locked makes an attempt if no other tab is making one for the same tokens. A tab that
  // holds the lock and tells nothing stands still; the second time it is taken from it.
  async #locked(attempt, signal) {
    const before = this.#at;
    await this.#late;
    const key = await this.#key();
    const ask = () => (signal.aborted || this.#at !== before ? "heard" : attempt());
    if (!this.#locks || key === true) return ask();
    let kind = "busy";
    try {
      await this.#locks.request(key ? `${this.#name} ${key}` : this.#name, this.#busy ? { steal: true } : { ifAvailable: true }, async (lock) => {
        if (!lock) return;
        if (this.#channel) await this.#sleep(20); // news of the last holder may be on its way
        kind = await ask();
      });
    } catch (error) {
      if (error.name !== "AbortError") return ask(); // no locks for this page
    }
    if (kind === "busy") {
      this.#busy++;
      this.#due = this.#clock.now() + 3 * patience;
    }
    return kind;
  }

  // attempt asks once, refreshes if that is the advice, and tells all tabs.
  async #attempt(signal) {
    const at = this.#stamp();
    let key = this.#key();
    let { kind, verdict } = await this.#ask(signal);
    if (kind === "refresh" && !signal.aborted) {
      kind = await this.#refresh();
      key = this.#key();
    }
    key = await key;
    if (!signal.aborted) this.#tell({ kind, verdict, at, key });
    return kind;
  }

  async #ask(signal) {
    const { status, body } = await this.#request(this.#urls.healthURL.href, {}, signal);
    const told = status === 200 || (status === 503 && body?.action === "retry");
    const verdict = told && kinds.has(body?.action) ? body : null;
    return { verdict, kind: status === 503 ? "retry" : kindOf(verdict) };
  }

  // refresh trades the refresh token, once for all who ask meanwhile.
  #refresh() {
    if (this.#changing) return "unknown";
    if (this.#refreshing) return this.#refreshing.promise;
    const refresh = this.#refreshing = { abort: new AbortController() };
    refresh.promise = this.#trade(refresh.abort.signal).then((kind) => {
      if (kind === "good") this.#renewals++;
      return kind;
    }).finally(() => {
      if (this.#refreshing === refresh) this.#refreshing = null;
    });
    return refresh.promise;
  }

  async #trade(signal) {
    const tokens = this.#tokens();
    if (tokens && !tokens.refresh_token) return "over";
    const { status, body } = await this.#request(this.#urls.refreshURL.href, post(tokens), signal);
    if (status === 503) return "retry";
    if (status === 401 && body) return "over";
    if (!tokens) return status === 204 || (status === 200 && body) ? "good" : "unknown";
    if (status !== 200 || !body?.access_token) return "unknown";
    this.#options.tokens.set(body);
    return "good";
  }

  // renew is refresh for the requests of the page: it is patient, and its outcome is
  // news.
  #renew() {
    return this.#renewing ??= (async () => {
      const at = this.#stamp();
      const kind = await this.#insist(() => this.#refresh());
      if (kind === "good" || kind === "over") this.#tell({ kind, at });
      return kind;
    })().finally(() => { this.#renewing = null; });
  }

  // request sends a request of the monitor itself. It never fails: no answer in time is
  // status 0, and what is not JSON has no body.
  async #request(url, init, signal) {
    const abort = new AbortController();
    const end = () => abort.abort();
    signal.addEventListener("abort", end);
    const timer = this.#clock.setTimeout(end, patience);
    try {
      return await unlessAborted(abort.signal, this.#exchange(url, { ...init, signal: abort.signal }));
    } catch {
      return { status: 0, body: null };
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  async #exchange(url, init) {
    const answer = await this.#send(url, { cache: "no-store", ...init });
    this.#away = retryAfter(answer.headers);
    const json = /^application\/json\b/i.test(answer.headers.get("Content-Type") ?? "");
    return { status: answer.status, body: json ? await answer.json() : null };
  }

  // send sends with the tokens, be they in cookies or not.
  #send(input, init) {
    const tokens = this.#tokens();
    if (!tokens) return this.#options.fetch(input, { credentials: "include", ...init });
    const headers = new Headers(init?.headers ?? input.headers);
    if (!headers.has("Authorization")) headers.set("Authorization", `Bearer ${tokens.access_token}`);
    return this.#options.fetch(input, { credentials: "include", ...init, headers });
  }

  // ---- Signing in and out

  // change sends a sign-in or sign-out, with no refresh under way whose late answer
  // would bring the old session back.
  async #change(send) {
    this.#changing++;
    this.#dropRefresh();
    this.#post({ kind: "drop" });
    try {
      return await send();
    } finally {
      this.#changing--;
    }
  }

  #logout() {
    return this.#send(this.#urls.logoutURL.href, post(this.#tokens()));
  }

  // cleared reports whether a sign-out that was answered by 503 has cleared the cookies:
  // it has, if it came from the server itself and not from a proxy before it.
  async #cleared() {
    return Boolean(this.#tokens()) || (await this.#ask(new AbortController().signal)).kind === "over";
  }

  #abandonCheck() {
    this.#checking?.abort.abort();
    this.#checking = null;
  }

  #dropRefresh() {
    this.#refreshing?.abort.abort();
    this.#refreshing = null;
  }

  // ---- News, here and in the other tabs

  // tell adopts news, and shares it.
  #tell(news) {
    if (this.#stopped) return;
    news.at ??= this.#stamp();
    const shared = this.#share(news);
    this.#adopt(news);
    return shared;
  }

  // share posts news to the tabs with the same tokens, which know it by its key. Where no
  // tab can tell whose tokens are the same, only that somebody has signed in or out.
  async #share(news) {
    news.key ??= this.#tokens() ? await this.#key() : false;
    if (news.key !== true || news.kind === "in" || news.kind === "out") this.#post(news);
  }

  // key is what tabs with the same tokens have in common: false where they are in cookies,
  // and a digest of those that pages keep, from which nobody gets them back. Where pages
  // have no digests, since they came without https, it is true.
  async #key() {
    const tokens = this.#tokens(), subtle = globalThis.crypto?.subtle;
    if (!tokens || !subtle) return Boolean(tokens);
    return String(new Uint8Array(await subtle.digest("SHA-256", new TextEncoder().encode(tokens.access_token))));
  }

  #post(news) {
    if (this.#stopped) return;
    try {
      this.#channel?.postMessage(news);
    } catch {
      // The storage is full, say. Then this tab is alone, and goes on.
    }
  }

  async #hear(news, late = news.old) {
    switch (news.kind) {
      case "hello":
        if (!this.#failed && this.#answers(news.state)) this.#share(this.#summary());
        return;
      case "drop":
        return this.#dropRefresh();
    }
    const key = this.#tokens() ? await this.#key() : false;
    if (this.#stopped) return;
    // Tokens that a tab keeps to itself are no other tab's business. Those that all share
    // change after a refresh, a sign-in or a sign-out, but not everywhere at once.
    if (key !== (news.kind === "out" ? false : news.key)) {
      if (!late) this.#late = this.#sleep(1000).then(() => this.#hear(news, true));
    } else if (news.at > this.#at || this.#at > this.#clock.now()) this.#adopt(news);
  }

  // answers reports whether what this tab knows is of use to one in that state: a sign-out
  // is, to a page that has come back and not heard of it.
  #answers(state) {
    return this.#state === "in" || (this.#state === "out" && state === "in");
  }

  // summary is the answer to a new tab.
  #summary() {
    return { kind: this.#state === "in" ? "good" : "out", at: this.#at, verdict: this.#verdict, key: this.#news.key, old: true };
  }

  #adopt(news) {
    const { kind, at, verdict } = news;
    if (kind === "in" || kind === "out") {
      this.#abandonCheck();
      this.#dropRefresh();
    }
    const first = this.#count(kind, at) === 1 && kind === "over";
    this.#news = news;
    this.#at = at;
    this.#failed = kind === "retry" || kind === "unknown";
    this.#busy = 0;
    this.#due = at + this.#options.interval / (first ? 10 : 1) * (1 + this.#clock.random() / 10);
    if (verdict !== undefined) {
      this.#verdict = verdict;
      this.#emit("verdict", { verdict, outcome: kind });
    }
    this.#enter(next(this.#state, kind, this.#refusals), kind === "in");
    this.#arm();
  }

  // count counts clear refusals. Those that come in a burst are one.
  #count(kind, at) {
    if (["good", "in", "out"].includes(kind)) {
      this.#refusals = 0;
      this.#refusedAt = -Infinity;
    } else if (kind === "over" && Math.abs(at - this.#refusedAt) >= this.#options.interval / 10) {
      this.#refusals++;
      this.#refusedAt = at;
    }
    return this.#refusals;
  }

  // enter tells of a new state, and of a sign-in in any case: it may be somebody else.
  #enter(state, signIn) {
    if (state === this.#state && !signIn) return;
    this.#state = state;
    this.#dialog?.close();
    this.#emit("state", state);
    if (state === "ended") this.#prompt();
  }

  #prompt() {
    const { document, prompt = true, texts, signIn } = this.#options;
    if (this.#emit("prompt", this.#verdict) && prompt && document?.createElement) {
      this.#dialog = openDialog(document, { ...defaultTexts, ...texts }, signIn);
    }
  }

  #emit(type, detail) {
    return this.dispatchEvent(new CustomEvent(type, { detail, cancelable: true }));
  }

  // ---- Small things

  #tokens() { return this.#options.tokens?.get() ?? null; }

  #absolute(url) {
    const { document, window } = this.#options;
    return new URL(url, document?.baseURI ?? window?.location?.href ?? "http://localhost");
  }

  #sleep(ms) { return new Promise((wake) => this.#clock.setTimeout(wake, ms)); }

  // stamp is the time, and never that of the newest news: of two, one is the newer.
  #stamp() {
    const now = this.#clock.now();
    return now === this.#at ? now + 0.001 : now;
  }
}

// kinds says what the actions of the server mean.
const kinds = new Map([["none", "good"], ["refresh", "refresh"], ["login", "over"], ["retry", "retry"]]);

// kindOf says what a verdict means. A session that can be refreshed is not over: the key of
// the access token alone may have been revoked.
function kindOf(verdict) {
  if (verdict?.action === "login" && verdict.refreshable === true) return "refresh";
  return kinds.get(verdict?.action) ?? "unknown";
}

// next is the state of a tab after news. A page that has just come shows a sign-in form
// at once; one that was in use is not disturbed before the second refusal.
function next(state, kind, refusals) {
  if (kind === "good" || kind === "in") return "in";
  if (kind === "out") return "out";
  if (kind === "over" && state === "unknown") return "out";
  if (kind === "over" && state === "in" && refusals > 1) return "ended";
  return state;
}

// unlessAborted waits for a promise, but no longer than until the signal, if any, aborts.
async function unlessAborted(signal, promise) {
  let stop;
  const aborted = new Promise((_, reject) => {
    stop = () => reject(signal.reason);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

// retryAfter is what the header of that name says, in milliseconds and at most an hour: a
// number of seconds, or a date by the clock of the server (RFC 9110, section 10.2.3).
// What is neither, or over, is 0.
function retryAfter(headers) {
  const said = headers.get("Retry-After") ?? "";
  const date = / GMT$/.test(said) ? Date.parse(said) - Date.parse(headers.get("Date")) : 0;
  const ms = /^\d+$/.test(said) ? said * 1000 : date;
  return ms > 0 ? Math.min(ms, 3600_000) : 0;
}

// post is a POST that carries the refresh token, if it is not in a cookie.
function post(tokens) {
  if (!tokens) return { method: "POST" };
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh_token: tokens.refresh_token }),
  };
}

// openChannel connects the tabs: by a BroadcastChannel, or by events of the storage
// where there is none, or not at all where pages may use neither.
function openChannel(name, window) {
  try {
    return globalThis.BroadcastChannel ? new BroadcastChannel(name) : storageChannel(name, window);
  } catch {
    return null;
  }
}

function storageChannel(name, window) {
  const storage = window.localStorage;
  const channel = {
    postMessage: (data) => {
      storage.setItem(name, JSON.stringify(data));
      storage.removeItem(name); // so that the same again is an event again
    },
    close: () => window.removeEventListener("storage", hear),
  };
  const hear = ({ key, newValue }) => {
    if (key === name && newValue) channel.onmessage?.({ data: JSON.parse(newValue) });
  };
  window.addEventListener("storage", hear);
  return channel;
}

// openDialog shows the prompt above the page, and removes it when it is closed.
function openDialog(document, texts, signIn) {
  const make = (parent, name, properties) => Object.assign(parent.appendChild(document.createElement(name)), properties);
  const dialog = make(document.body, "dialog", { className: "sessionring-prompt" });
  Object.assign(dialog.style, { maxWidth: "26rem", padding: "1.25rem", lineHeight: "1.5" });
  const id = `sessionring-${Math.random()}`; // a page may have two monitors
  dialog.setAttribute("aria-labelledby", `${id}-title`);
  dialog.setAttribute("aria-describedby", `${id}-text`);
  make(dialog, "h2", { id: `${id}-title`, textContent: texts.title }).style.marginTop = "0";
  make(dialog, "p", { id: `${id}-text`, textContent: texts.text });
  const buttons = make(dialog, "div");
  Object.assign(buttons.style, { display: "flex", gap: "0.75rem", alignItems: "center" });
  const close = () => dialog.close();
  if (typeof signIn === "string") {
    make(buttons, "a", { href: signIn, target: "_blank", rel: "noopener", textContent: texts.signIn });
  } else if (signIn) {
    make(buttons, "button", { type: "button", textContent: texts.signIn }).addEventListener("click", () => { close(); signIn(); });
  }
  make(buttons, "button", { type: "button", textContent: texts.later }).addEventListener("click", close);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return dialog;
}
