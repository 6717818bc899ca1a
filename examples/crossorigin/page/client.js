// A client of one API: signs in by cookies and, where the browser does not send them
// back, by tokens in the Authorization header. The monitor does all the rest.

import { startMonitor } from "/monitor.js";

export class Client {
  #origin;

  // origin is that of the API, options are further ones of its monitor.
  constructor(origin, options) {
    this.#origin = origin;
    this.tokens = keptTokens(`tokens of ${origin}`);
    this.monitor = startMonitor({
      healthURL: `${origin}/api/auth/token-health`,
      refreshURL: `${origin}/api/auth/refresh`,
      loginURL: `${origin}/api/auth/login`,
      logoutURL: `${origin}/api/auth/logout`,
      tokens: this.tokens,
      ...options,
    });
  }

  // call sends a request with cookies or tokens, and refreshes if it must. A network
  // failure is a status of 0, like any other answer.
  async call(method, path, body) {
    try {
      return await told(await this.#send(method, path, body));
    } catch {
      return { status: 0, body: null };
    }
  }

  #send(method, path, body) {
    const headers = body ? { "Content-Type": "application/json" } : {};
    return this.monitor.fetch(this.#origin + path, { method, headers, body: body && JSON.stringify(body) });
  }

  // signIn returns the status of the sign-in.
  async signIn(username, password) {
    try {
      const answer = await this.monitor.signIn(() => this.#signIn(username, password));
      return answer.status;
    } catch {
      return 0;
    }
  }

  // The browser drops cookies without a word. So whoever has signed in by them asks who
  // is signed in: if nobody is, there are none, and a second sign-in asks for tokens.
  async #signIn(username, password) {
    const answer = await this.#send("POST", "/api/auth/login", { username, password });
    if (!answer.ok) return answer;
    this.tokens.set(null); // those of the session before
    const me = await this.call("GET", "/api/me");
    if (me.body?.error !== "no_token") return answer;
    const second = await this.#send("POST", "/api/auth/login", { username, password, transport: "bearer" });
    if (second.ok) this.tokens.set(await second.clone().json());
    return second;
  }

  // refresh gets tokens of the newest key at once, as nobody but a demonstration needs.
  async refresh() {
    const tokens = this.tokens.get();
    const { status, body } = await this.call("POST", "/api/auth/refresh", tokens && { refresh_token: tokens.refresh_token });
    const same = this.tokens.get()?.refresh_token === tokens?.refresh_token; // nobody has signed out meanwhile
    if (tokens && status === 200 && same) this.tokens.set(body);
    await this.monitor.check();
  }

  // signOut returns the status of the sign-out.
  async signOut() {
    try {
      return (await this.monitor.signOut()).status;
    } catch {
      return 0;
    }
  }
}

// told returns the status of an answer and its body, if that is JSON.
async function told(answer) {
  const json = answer.headers.get("Content-Type")?.startsWith("application/json");
  return { status: answer.status, body: json ? await answer.json() : null };
}

// keptTokens is where tokens are that are not in cookies. All tabs share them: a tab with
// a copy of its own, as one has that was duplicated, would present a refresh token that
// another has used, which counts as theft where there is a store. Any script of this page
// can read them, which is the price of a browser without the cookies.
function keptTokens(key) {
  let own = null; // where the page may store nothing, or nothing more
  return {
    get() {
      if (own) return own;
      try {
        return JSON.parse(localStorage.getItem(key));
      } catch {
        return null;
      }
    },
    set(tokens) {
      own = null;
      try {
        if (tokens) localStorage.setItem(key, JSON.stringify(tokens));
        else localStorage.removeItem(key);
      } catch {
        own = tokens;
      }
    },
  };
}
