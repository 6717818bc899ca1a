/** What the server says about this browser's tokens, as documented by package health. */
export interface Verdict {
  compatible: boolean;
  authenticated: boolean;
  /** The key of the access token, or of the refresh token; null unless verified. */
  token_version: string | null;
  /** The current key of the server. */
  server_version: string;
  status: "ok" | "previous_key" | "expired" | "revoked" | "no_token" | "invalid" | "unknown_key" | "unavailable";
  action: "none" | "refresh" | "login" | "retry";
  transport: "header" | "cookie" | null;
  /** A good refresh cookie came along, so a refresh is tried first, whatever the action. */
  refreshable: boolean;
  /** Seconds, counted by the server; 0 unless authenticated. */
  expires_in: number;
  /** Unix seconds. */
  server_time: number;
}

/**
 * What came of a check.
 * - `good`: signed in; refreshed on the way if the verdict says `refresh`, or `login` beside
 *   `refreshable`.
 * - `over`: the server has clearly refused: it says `login`, or a refresh is 401.
 * - `retry`: the server says, by 503, that it cannot tell now. It is asked six times more,
 *   each time later and never before its `Retry-After`, unless that is over ten seconds.
 * - `unknown`: no network, no answer within ten seconds, 404, 429, 500, HTML, and all else.
 */
export type Outcome = "good" | "over" | "retry" | "unknown";

/**
 * The state of this tab.
 * - `unknown`: the page has just come and nobody has told yet.
 * - `in`: signed in. What the server does not say clearly, twice, does not change it.
 * - `out`: signed out, here or in another tab, or the page came while nobody was.
 * - `ended`: the session is over although nobody signed out. The prompt was shown.
 */
export type State = "unknown" | "in" | "out" | "ended";

/** Tokens that the page keeps itself, as a sign-in with tokens in the body answers them. */
export interface Tokens {
  access_token: string;
  refresh_token?: string;
}

export interface Options {
  /** Default `/api/auth/token-health`. */
  healthURL?: string | URL;
  /** Default `/api/auth/refresh`. */
  refreshURL?: string | URL;
  /** Default `/api/auth/login`. Only so that `fetch` does not refresh for it. */
  loginURL?: string | URL;
  /** Default `/api/auth/logout`. */
  logoutURL?: string | URL;
  /**
   * Milliseconds between two checks, at least; up to a tenth is added at random.
   * Default 300000, five minutes; what is not above 0 is a RangeError. All tabs should
   * use the same.
   */
  interval?: number;

  /** Called with the event `verdict`: after each check, here or in another tab. */
  onVerdict?(detail: VerdictDetail, event: CustomEvent<VerdictDetail>): void;
  /**
   * Called with the event `state`: when the state of this tab changes, and at each sign-in
   * here or in another tab, since it may be somebody else who is `in` now.
   */
  onState?(state: State, event: CustomEvent<State>): void;
  /**
   * Called with the event `prompt`: once, when the state becomes `ended`.
   * `event.preventDefault()` keeps the default dialog away.
   */
  onPrompt?(verdict: Verdict | null, event: CustomEvent<Verdict | null>): void;

  /**
   * Whether there is a default dialog. Default true. Style it as `dialog.sessionring-prompt`.
   * It needs nothing that a content policy or Trusted Types forbid.
   */
  prompt?: boolean;
  /**
   * What "Sign in" does in the dialog: call a function, or open an address in a new tab,
   * so that this page stays. Default: there is no such button.
   */
  signIn?: string | (() => void);
  /** The words of the dialog, in place of English ones. */
  texts?: { title?: string; text?: string; signIn?: string; later?: string };

  /**
   * The Bearer transport: where the page keeps its tokens. Where `get` returns null,
   * and by default, they are in cookies. Put them there before `signedIn`, or before
   * the promise given to `signIn` resolves. `set` is called after a refresh, and with
   * null after a sign-out. All tabs may share them, as in localStorage; tabs must not have
   * copies of one refresh token, as sessionStorage makes when a tab is duplicated: the one
   * used later counts as stolen.
   *
   * Tabs with the same access token ask once together, as with cookies. They know each
   * other by its SHA-256 digest; a token is in no message and in no storage of the monitor.
   * Tabs with tokens of their own neither tell nor believe each other. In a page without
   * `crypto.subtle`, which came without https, each tab with tokens asks for itself alone.
   */
  tokens?: { get(): Tokens | null; set(tokens: Tokens | null): void };

  /** Default: that of the page. */
  fetch?: typeof fetch;
  /** Default: that of the page. `now` is in milliseconds, `random` in [0, 1). */
  clock?: {
    now?(): number;
    setTimeout?(f: () => void, ms: number): unknown;
    clearTimeout?(id: any): void;
    random?(): number;
  };
  /** For tests. Default: those of the page. */
  window?: any;
  document?: any;
  /** Default: `navigator.locks`; null: none, and tabs are kept apart by chance alone. */
  locks?: any;
  /**
   * Opens the channel to the other tabs. Default: a BroadcastChannel, or storage events
   * where there is none; null: each tab is alone.
   */
  channel?: ((name: string) => any) | null;
}

export interface VerdictDetail {
  /** Null if the server has told nothing. */
  verdict: Verdict | null;
  outcome: Outcome;
}

/** The events of a monitor; what the callbacks of Options get is their `detail`. */
export interface MonitorEvents {
  verdict: CustomEvent<VerdictDetail>;
  state: CustomEvent<State>;
  prompt: CustomEvent<Verdict | null>;
}

/**
 * A running monitor. It is an EventTarget of the events of MonitorEvents. Its methods
 * never reject, but for what `send` and `fetch` reject with.
 */
export interface Monitor extends EventTarget {
  addEventListener<Type extends keyof MonitorEvents>(
    type: Type, listener: (event: MonitorEvents[Type]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(
    type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;

  readonly state: State;
  /** What the newest check was told, here or in another tab; null if nothing. */
  readonly verdict: Verdict | null;

  /**
   * Asks now, with refresh and retries, and resolves with `verdict`. Callers at the same
   * time share one check. Refusals less than a tenth of the interval apart count as one.
   */
  check(): Promise<Verdict | null>;

  /**
   * Signs in by a request of the page, and resolves with its answer: one that is `ok`
   * starts the monitor in all tabs. Refreshes under way are dropped before, so that
   * no late answer brings the former session back.
   *
   *     await monitor.signIn(() => fetch("/api/auth/login", { method: "POST", body }));
   */
  signIn(send: () => Promise<Response>): Promise<Response>;
  /**
   * Signs out, by default with a POST to `logoutURL`, and resolves with the answer. The
   * monitor stops in all tabs if it is `ok`, or a 503 that has cleared the cookies
   * nevertheless. Refreshes under way are dropped before.
   */
  signOut(send?: () => Promise<Response>): Promise<Response>;
  /** For a sign-in that `signIn` did not send: starts in all tabs, and checks. */
  signedIn(): Promise<Verdict | null>;
  /** For a sign-out that `signOut` did not send: stops in all tabs. */
  signedOut(): void;

  /**
   * The page's fetch for this API, usable without its object. It sends the tokens, and
   * after a 401 refreshes once, together with all other callers, and repeats the request
   * (unless its body is a stream). What it resolves with is then a 401 only if the refresh
   * or the repeated request was refused too; where nobody could tell, it is an empty 503.
   * It never refreshes for the four addresses of Options, nor while a sign-in or sign-out
   * of this tab is under way, and passes requests to other origins on as they are.
   */
  fetch: typeof fetch;

  /** Ends this monitor, here alone, and signs nobody out. */
  stop(): void;
}

/**
 * Starts a monitor in this tab. It finds out whether somebody is signed in: from the
 * other tabs, or else by a check; a visitor is not prompted. Then it checks every
 * interval while somebody is, and when the page wakes, comes back or gets online after
 * longer than that; all tabs of a browser together ask once. One per page is enough.
 * See `tokens` for tabs that keep tokens themselves.
 * That is at most 12 checks an hour while all is well; a refresh per access token comes on
 * top, and six retries of a check whose answer is a 503.
 *
 *     const monitor = startMonitor({ onState: (state) => show(state) });
 *     const answer = await monitor.fetch("/api/me");
 *
 * A check extends no session, but a refresh does: while the page is open the session lasts
 * until its absolute end. Where it must end sooner, `stop` when nobody uses the page.
 */
export function startMonitor(options?: Options): Monitor;
