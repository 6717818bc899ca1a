// A client of one API: signs in by cookies and, where the browser does not send them
// back, by tokens in the Authorization header. It imports nothing.

export class Client {
  #origin;
  #key; // of the tokens in sessionStorage
  #refreshing = null; // the refresh under way

  // origin is that of the API.
  constructor(origin) {
    this.#origin = origin;
    this.#key = `tokens of ${origin}`;
  }

  // tokens are null while cookies are used, which no script can see. Others are kept as
  // long as the tab, so a reload keeps the session: any script of this page can read
  // them, which is the price of a browser without the cookies.
  get tokens() {
    return JSON.parse(sessionStorage.getItem(this.#key));
  }

  #keep(tokens) {
    if (tokens) sessionStorage.setItem(this.#key, JSON.stringify(tokens));
    else sessionStorage.removeItem(this.#key);
  }

  // send sends one request. A network failure is a status of 0, like any other answer.
  async send(method, path, body) {
    const tokens = this.tokens, headers = {};
    if (body) headers["Content-Type"] = "application/json";
    if (tokens) headers.Authorization = `Bearer ${tokens.access_token}`;
    try {
      const answer = await fetch(this.#origin + path, {
        method, headers,
        credentials: tokens ? "omit" : "include", // without it no cookie is sent, and none kept
        body: body && JSON.stringify(body),
      });
      const json = answer.headers.get("Content-Type")?.startsWith("application/json");
      return { status: answer.status, body: json ? await answer.json() : null };
    } catch {
      return { status: 0, body: null };
    }
  }

  // ask is send, but for a 401, after which it refreshes once and asks again.
  async ask(method, path, body) {
    const answer = await this.send(method, path, body);
    if (answer.status !== 401 || await this.refresh() !== 200) return answer;
    return this.send(method, path, body);
  }

  // signIn signs in by cookies, and asks who is signed in: if nobody is, the browser has
  // dropped the cookies without a word. Then it signs in once more, for tokens.
  async signIn(username, password) {
    this.#keep(null);
    const answer = await this.send("POST", "/api/auth/login", { username, password });
    if (answer.status !== 200) return answer;
    const me = await this.send("GET", "/api/me");
    if (me.body?.error !== "no_token") return answer;
    const second = await this.send("POST", "/api/auth/login", { username, password, transport: "bearer" });
    if (second.status === 200) this.#keep(second.body);
    return second;
  }

  // refresh trades the refresh token, one at a time, and returns 200, or the status of
  // the answer. A 401 says that the session is over.
  refresh() {
    return this.#refreshing ??= this.#trade().finally(() => { this.#refreshing = null; });
  }

  async #trade() {
    const tokens = this.tokens;
    const { status, body } = await this.send("POST", "/api/auth/refresh", tokens && { refresh_token: tokens.refresh_token });
    if (tokens && status === 200) this.#keep(body);
    if (tokens && status === 401) this.#keep(null);
    return status === 204 ? 200 : status;
  }

  // signOut ends the session, and returns the status of the answer. Tokens are forgotten
  // whatever it is; cookies are there until the server has cleared them.
  async signOut() {
    const tokens = this.tokens;
    const { status } = await this.send("POST", "/api/auth/logout", tokens && { refresh_token: tokens.refresh_token });
    this.#keep(null);
    return status;
  }
}
