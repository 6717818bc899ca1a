// The page: one form and, for each API, a card that shows how one is signed in there.
// Everything the servers say is shown through textContent.

import { Client } from "/client.js";

const $ = (id) => document.getElementById(id);
const interval = 30_000;

function say(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

// Card shows one API. It is signed in until a refresh is refused or the server says
// that there is no session; that it cannot be asked changes nothing.
class Card {
  constructor(section) {
    this.section = section;
    this.client = new Client(`https://${section.dataset.host}${location.port && `:${location.port}`}`);
    this.on(this.part("refresh"), () => this.refresh());
    this.on(this.part("sign-out"), () => this.signOut());
  }

  part(name) {
    return this.section.querySelector(`[data-part=${name}]`);
  }

  on(button, action) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      await action();
      button.disabled = false;
    });
  }

  write(name, text) {
    this.part(name).textContent = text;
  }

  async signIn(username, password) {
    const { status } = await this.client.signIn(username, password);
    await this.look();
    return status;
  }

  async refresh() {
    const status = await this.client.refresh();
    if (status === 401) return this.show("signed out", null);
    return this.look();
  }

  async signOut() {
    const status = await this.client.signOut();
    if (status !== 204) say("That did not work. Please try again.");
    await this.look();
  }

  // look asks for health and does what it advises. mayRefresh keeps it from going round.
  async look(mayRefresh = true) {
    const { body: health } = await this.client.send("GET", "/api/auth/token-health");
    if (!health?.action) return this.write("state", "does not answer; asking again");
    if (health.action === "refresh" && mayRefresh) {
      if (await this.client.refresh() === 401) return this.show("signed out", null);
      return this.look(false);
    }
    if (!health.authenticated) return this.show(health.action === "login" ? "signed out" : "cannot tell; asking again", health);
    const { status, body } = await this.client.ask("GET", "/api/me");
    if (status === 200) this.show(`signed in as ${body.subject}`, health);
  }

  show(state, health) {
    this.write("state", state);
    this.write("status", health?.status ?? "none");
    this.write("token-version", health?.token_version ?? "none");
    this.write("transport", health?.transport ?? "none");
    this.part("fallback").hidden = !this.client.tokens;
    for (const name of ["refresh", "sign-out"]) this.part(name).hidden = !health?.authenticated;
  }
}

const cards = [...document.querySelectorAll("[data-host]")].map((section) => new Card(section));

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = $("form").querySelector("button");
  button.disabled = true;
  say("");
  const statuses = await Promise.all(cards.map((card) => card.signIn($("username").value, $("password").value)));
  button.disabled = false;
  $("password").value = "";
  if (statuses.every((status) => status === 200)) return;
  say(statuses.includes(401) ? "Wrong name or password." : "That did not work everywhere. Please try again.");
  $("password").focus();
});

const lookAll = () => Promise.all(cards.map((card) => card.look()));
setInterval(lookAll, interval);
lookAll();
