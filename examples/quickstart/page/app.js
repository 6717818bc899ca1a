// The page of the quickstart. Everything the server says is shown through
// textContent, and no answer but a refused refresh ends what is shown as a session.

const $ = (id) => document.getElementById(id);
const interval = 30_000;

// call asks the server; a network failure is a status of 0, like any other answer.
async function call(method, path, body) {
  try {
    const answer = await fetch(path, {
      method,
      credentials: "same-origin",
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

function showHealth(health) {
  const rows = Object.entries(health).flatMap(([name, value]) => [
    element("dt", name.replaceAll("_", " ")),
    element("dd", units[name]?.(value) ?? String(value ?? "none"),
      name === "status" ? (health.authenticated ? "good" : "warn") : ""),
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
  $("session").hidden = false;
  $("sign-in").hidden = true;
}

function showSignIn() {
  $("session").hidden = $("vouchers").hidden = $("devices").hidden = true;
  $("sign-in").hidden = false;
}

// look asks for health and does what it advises. mayRefresh keeps it from going round.
async function look(mayRefresh = true) {
  const { body: health } = await call("GET", "/api/auth/token-health");
  if (!health?.action) {
    say("The server does not answer. You are not signed out; asking again soon.");
    return;
  }
  showHealth(health);
  if (health.action === "refresh" && mayRefresh) {
    return refresh();
  }
  if (health.action === "retry") {
    say(health.status === "unknown_key"
      ? "This server holds no key that vouches for you. Put the key back and you are signed in, or sign in again."
      : "The server cannot tell right now. You are not signed out; asking again soon.");
    if ($("session").hidden) showSignIn();
    return;
  }
  say("");
  if (health.action === "login") return showSignIn();
  if (health.authenticated) return showAccount();
}

async function showAccount() {
  const [me, keys, devices] = await Promise.all(["/api/me", "/api/me/keys", "/api/auth/sessions"].map((path) => call("GET", path)));
  if (me.status === 200) showSession(me.body);
  if (keys.status === 200) showKeys(keys.body);
  if (devices.status === 200) showDevices(devices.body.sessions); // without a store nobody knows them
}

async function refresh() {
  const { status } = await call("POST", "/api/auth/refresh");
  if (status === 401) {
    say("This session is over. Please sign in again.");
    return showSignIn();
  }
  return look(false);
}

async function signIn(event) {
  event.preventDefault();
  const name = $("username").value;
  const { status } = await call("POST", "/api/auth/login", { username: name, password: $("password").value });
  $("password").value = "";
  if (status === 200) return look();
  say(status === 401 ? "Wrong name or password." : "That did not work. Please try again.");
  $("password").focus();
}

async function signOut() {
  const { status } = await call("POST", "/api/auth/logout");
  if (status === 503) {
    say("You are signed out here. The server ends the session as soon as its store answers again.");
    return showSignIn();
  }
  if (status !== 204) return say("That did not work. You are still signed in.");
  await look();
}

// whileBusy keeps a button from being pressed twice.
function whileBusy(button, action) {
  return async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await action(event);
    } finally {
      button.disabled = false;
    }
  };
}

$("form").addEventListener("submit", whileBusy($("form").querySelector("button"), signIn));
$("refresh").addEventListener("click", whileBusy($("refresh"), refresh));
$("sign-out").addEventListener("click", whileBusy($("sign-out"), signOut));
$("elsewhere").addEventListener("click", whileBusy($("elsewhere"), endElsewhere));
$("ask").addEventListener("click", whileBusy($("ask"), look.bind(null, true)));
setInterval(look, interval);
look();
