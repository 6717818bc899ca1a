// Keeps an open page up to date: asks for it again and puts in what has changed. All
// that it shows was escaped by the server; without this script the page is complete.

const interval = 10_000;
const live = document.getElementById("live");
const refreshPath = document.body.dataset.refresh;

// ask returns the page as it is now, or null.
async function ask(mayRefresh = Boolean(refreshPath)) {
  const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
  if (answer.status === 401 && mayRefresh) {
    await fetch(refreshPath, { method: "POST", credentials: "same-origin" });
    return ask(false);
  }
  if (!answer.ok) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.getElementById("keys") && page;
}

// put replaces the sections that have changed. One with the focus in it is left alone,
// and what was unfolded stays so.
function put(page) {
  for (const section of document.querySelectorAll("main > section")) {
    const next = page.getElementById(section.id);
    if (!next || section.contains(document.activeElement)) continue;
    for (const open of section.querySelectorAll("details[open]")) {
      next.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
    }
    if (!section.isEqualNode(next)) section.replaceWith(next);
  }
}

// say tells whether the page is up to date, and nothing while that does not change.
function say(text) {
  if (live.textContent !== text) live.textContent = text;
}

async function look() {
  if (document.hidden) return;
  const page = await ask().catch(() => null);
  if (!page) return say("Out of date: no answer. Look again, or sign in.");
  put(page);
  const time = document.querySelector("header time");
  const now = page.querySelector("header time");
  if (time && now) time.replaceWith(now);
  say("live");
}

document.addEventListener("visibilitychange", look);
setInterval(look, interval);
say("live");
