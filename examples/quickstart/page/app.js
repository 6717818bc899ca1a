// The page of the quickstart. Everything the server says is shown through textContent.
// The monitor finds out whether somebody is signed in, and refreshes; the page shows it.

import { startMonitor } from "/monitor.js";

const $ = (id) => document.getElementById(id);

const monitor = startMonitor({
  interval: 30_000, // so that there is something to watch; the default is five minutes
  onVerdict: showVerdict,
  onState: showState,
  signIn: () => { showSignIn(); $("username").focus(); }, // what is shown otherwise stays
});

// call asks the server; a network failure is a status of 0, like any other answer.
async function call(method, path, body, send = monitor.fetch) {
  try {
    const answer = await send(path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
    });
    const json = answer.headers.get("Content-Type")?.startsWith("application/json");
    return { status: answer.status, body: json ? await answer.json() : null };
  } catch {
    return { status: 0, body: null };
  }
}

function say(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

// element makes a table cell or a term of a list.
function element(name, text, style) {
  const e = document.createElement(name);
  e.textContent = text;
  if (style) e.className = style;
  return e;
}

// units writes the fields of health that are numbers.
const units = {
  server_time: (seconds) => new Date(seconds * 1000).toLocaleTimeString(),
  expires_in: (seconds) => `${seconds} s`,
};

function showHealth(health, good) {
  const shown = health.action === "refresh" && good ? { ...health, status: `${health.status}, now refreshed` } : health;
  const rows = Object.entries(shown).flatMap(([name, value]) => [
    element("dt", name.replaceAll("_", " ")),
    element("dd", units[name]?.(value) ?? String(value ?? "none"),
      name === "status" ? (good ? "good" : "warn") : ""),
  ]);
  $("health").replaceChildren(...rows);
}

function showKeys(keys) {
  $("keys").replaceChildren(...keys.map((key) => {
    const row = document.createElement("tr");
    const name = document.createElement("td");
    name.append(element("code", key.id));
    row.append(name, element("td", key.role),
      element("td", key.held ? `holds it, ${key.state}` : "does not hold it", key.held ? "good" : "warn"));
    return row;
  }));
  $("vouchers").hidden = false;
}

// showDevices lists the sessions of the user, each but this one with a button to end it.
function showDevices(sessions) {
  $("sessions").replaceChildren(...sessions.map((session) => {
    const row = document.createElement("tr"), last = document.createElement("td");
    if (session.current) {
      last.textContent = "this one";
    } else {
      const button = element("button", "Sign out");
      button.type = "button";
      button.setAttribute("aria-label", `Sign out ${session.label || "unknown device"} of ${when(session.auth_time)}`);
      button.addEventListener("click", whileBusy(button, () => end([session])));
      last.append(button);
    }
    row.append(element("td", session.label || "unknown device"), element("td", when(session.auth_time)), element("td", session.tag), last);
    return row;
  }));
  $("elsewhere").hidden = sessions.length < 2;
  $("devices").hidden = false;
}

const when = (time) => new Date(time).toLocaleString();

// end signs out on other devices.
async function end(sessions) {
  const answers = await Promise.all(sessions.map(({ id }) => call("DELETE", `/api/auth/sessions/${encodeURIComponent(id)}`)));
  await showAccount();
  if (answers.some(({ status }) => status !== 204)) say("That did not work everywhere. Please try again.");
}

async function endElsewhere() {
  const { status, body } = await call("GET", "/api/auth/sessions");
  if (status !== 200) return say("That did not work. Please try again.");
  await end(body.sessions.filter(({ current }) => !current));
}

function showSession(me) {
  $("subject").textContent = me.subject;
  $("session-id").textContent = me.session_id;
  $("token-version").textContent = me.token_version;
  $("dashboard").hidden = me.subject !== "admin"; // the server decides anyway
  $("session").hidden = false;
  $("sign-in").hidden = true;
}

function showSignIn() {
  $("sign-in").hidden = false;
}

const advice = {
  unknown_key: "This server holds no key that vouches for you. Put the key back and you are signed in, or sign in again.",
  unavailable: "The server cannot tell right now. You are not signed out; asking again soon.",
  none: "The server does not answer. You are not signed out; asking again soon.",
};

// showVerdict is called after each check, here or in another tab.
function showVerdict({ verdict, outcome }) {
  if (verdict) showHealth(verdict, outcome === "good");
  if (outcome === "good") {
    say("");
    showAccount();
  } else if (outcome !== "over") {
    say(advice[verdict?.status] ?? advice.none);
    if ($("session").hidden) showSignIn();
  }
}

// showState is called when somebody signs in or out, here or in another tab, and when
// the session is over: then the monitor prompts, and what is shown stays.
function showState(state) {
  if (state === "ended") return say("This session is over. Please sign in again.");
  if (state !== "out") return;
  $("session").hidden = $("vouchers").hidden = $("devices").hidden = true;
  say("");
  showSignIn();
  if (monitor.verdict?.authenticated) monitor.check(); // for what health says of it
}

async function showAccount() {
  const [me, keys, devices] = await Promise.all(["/api/me", "/api/me/keys", "/api/auth/sessions"].map((path) => call("GET", path)));
  if (me.status === 200) showSession(me.body);
  if (keys.status === 200) showKeys(keys.body);
  if (devices.status === 200) showDevices(devices.body.sessions); // without a store nobody knows them
}

async function refresh() {
  await call("POST", "/api/auth/refresh");
  await monitor.check();
}

async function signIn() {
  const name = $("username").value;
  const { status } = await call("POST", "/api/auth/login", { username: name, password: $("password").value },
    (path, init) => monitor.signIn(() => fetch(path, init)));
  $("password").value = "";
  if (status === 200) return;
  say(status === 401 ? "Wrong name or password." : "That did not work. Please try again.");
  $("password").focus();
}

async function signOut() {
  const { status } = await call("POST", "/api/auth/logout", undefined,
    (path, init) => monitor.signOut(() => fetch(path, init)));
  if (monitor.state !== "out") return say("That did not work. You are still signed in.");
  if (status === 503) say("You are signed out here. The server ends the session as soon as its store answers again.");
}

// whileBusy keeps a button from being pressed twice.
function whileBusy(button, action) {
  return async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await action();
    } finally {
      button.disabled = false;
    }
  };
}

$("form").addEventListener("submit", whileBusy($("form").querySelector("button"), signIn));
$("refresh").addEventListener("click", whileBusy($("refresh"), refresh));
$("sign-out").addEventListener("click", whileBusy($("sign-out"), signOut));
$("elsewhere").addEventListener("click", whileBusy($("elsewhere"), endElsewhere));
$("ask").addEventListener("click", whileBusy($("ask"), () => monitor.check()));
