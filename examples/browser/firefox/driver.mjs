// Drives a Firefox for a test: a line of JSON comes in for each thing to do, one goes out
// with what came of it. The browser ends with the input.
//
//   node driver.mjs PATH-OF-FIREFOX PREFERENCES-AS-JSON
import { createInterface } from "node:readline";
import { launch } from "puppeteer-core";

const [executablePath, preferences] = process.argv.slice(2);
const browser = await launch({
  browser: "firefox",
  executablePath,
  headless: true,
  acceptInsecureCerts: true,
  extraPrefsFirefox: JSON.parse(preferences),
});
const page = await browser.newPage();
const named = { "\t": "Tab", "\r": "Enter", "\u001b": "Escape" };

const actions = {
  visit: (url) => page.goto(url),
  reload: () => page.reload(),
  press: async (keys) => {
    for (const key of keys) await page.keyboard.press(named[key] ?? key);
  },
  text: (script) => page.evaluate(script),
  jar: (urls) => page.cookies(...urls.split(" ")),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [action, argument] = JSON.parse(line);
  const answer = await actions[action](argument).then(
    (value) => ({ value: action === "visit" || action === "reload" ? null : value }),
    (e) => ({ error: String(e) }),
  );
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
