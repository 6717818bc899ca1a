// The page: one form and, for each API, a card that shows how one is signed in there.
// Everything the servers say is shown through textContent.

import { Client } from "/client.js";

const $ = (id) => document.getElementById(id);
const interval = 30_000; // five minutes are enough for a page that is no demonstration

function say(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

// words are what a card says about the states of its monitor.
const words = {
  unknown: "not known yet",
  in: "signed in",
  out: "signed out",
  ended: "no longer signed in",
};

// Card shows one API.
class Card {
  #section;
  #client;
  #name = "";

  constructor(section) {
    const { host } = section.dataset;
    this.#section = section;
    this.#client = new Client(`https://${host}${location.port && `:${location.port}`}`, {
      interval,
      texts: { title: `Please sign in again at ${host}` },
      signIn: () => $("username").focus(),
      onVerdict: () => this.#show(),
      onState: () => this.#enter(),
    });
    this.#on("refresh", () => this.#client.refresh());
    this.#on("sign-out", () => this.#signOut());
  }

  signIn(username, password) {
    return this.#client.signIn(username, password);
  }

  async #signOut() {
    if (await this.#client.signOut() !== 204) say("That did not work. Please try again.");
  }

  async #enter() {
    this.#show();
    if (this.#client.monitor.state !== "in") return;
    const { body } = await this.#client.call("GET", "/api/me");
    this.#name = body?.subject ?? "";
    this.#show();
  }

  #show() {
    const { state, verdict } = this.#client.monitor, signedIn = state === "in";
    this.#part("state").textContent = words[state] + (signedIn && this.#name ? ` as ${this.#name}` : "");
    for (const field of ["status", "token_version", "transport"]) {
      this.#part(field).textContent = (state !== "out" && verdict?.[field]) || "none";
    }
    this.#part("fallback").hidden = !this.#client.tokens.get();
    for (const button of ["refresh", "sign-out"]) this.#part(button).hidden = !signedIn;
  }

  #part(name) {
    return this.#section.querySelector(`[data-part=${name}]`);
  }

  #on(name, action) {
    const button = this.#part(name);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await action();
      button.disabled = false;
    });
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
