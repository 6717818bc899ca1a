// The package: its size, its files, and that the types are those of the module.

import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import * as module from "../monitor.js";
import { world, second } from "./world.mjs";

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

// minified is the module without comments and indentation: what any minifier does, and
// less than most do. No string of the module has "//" in it but an address.
const minified = read("monitor.js").replace(/(^|\s)\/\/.*$/gm, "").replace(/\n\s*/g, "\n").trim();

test("at most 6 kB minified and gzipped, and no import", async () => {
  const size = gzipSync(minified, { level: 9 }).length;
  assert.ok(size <= 6 * 1024, `got ${size} bytes`);
  assert.doesNotMatch(minified, /^\s*import\b|\bimport\(|\brequire\(/m);
  const again = await import("data:text/javascript," + encodeURIComponent(minified));
  assert.equal(typeof again.startMonitor, "function", "it is still the module");
});

test("package.json names files that are there, and needs nothing", () => {
  const p = JSON.parse(read("package.json"));
  assert.deepEqual(p.exports, { ".": { types: "./monitor.d.ts", default: "./monitor.js" } });
  assert.equal(p.dependencies, undefined);
  p.files.forEach(read);
  assert.equal(read("LICENSE"), read("../../LICENSE"), "npm adds it to what it packs");
});

test("the types have what the module has, and no more", async () => {
  const types = read("monitor.d.ts");
  const functions = [...types.matchAll(/^export function (\w+)/gm)].map((m) => m[1]);
  assert.deepEqual(functions, Object.keys(module));

  const { browser, clock } = world();
  const { monitor } = browser.open();
  await clock.run(second);
  const [, body] = types.match(/^export interface Monitor extends EventTarget \{([^]*?)^\}/m);
  const all = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map((m) => m[1]).sort();
  const declared = all.filter((name) => !(name in EventTarget.prototype));
  const own = [...Object.getOwnPropertyNames(Object.getPrototypeOf(monitor)), ...Object.keys(monitor)];
  assert.deepEqual(declared, [...new Set(own)].filter((name) => name !== "constructor").sort());
});

test("every event has a type", () => {
  const [, body] = read("monitor.d.ts").match(/^export interface MonitorEvents \{([^]*?)^\}/m);
  const declared = [...body.matchAll(/^ {2}(\w+):/gm)].map((m) => m[1]).sort();
  const emitted = [...read("monitor.js").matchAll(/#emit\("(\w+)"/g)].map((m) => m[1]);
  assert.deepEqual(declared, [...new Set(emitted)].sort());
});

test("every option that the module reads is in the types, and the other way round", () => {
  const [, body] = read("monitor.d.ts").match(/^export interface Options \{([^]*?)^\}/m);
  const declared = [...body.matchAll(/^ {2}(\w+)\??[(:]/gm)].map((m) => m[1]);
  const source = read("monitor.js");
  for (const name of declared) assert.match(source, new RegExp(`\\b${name}\\b`), name);
  const used = [...source.matchAll(/(?:#options|\bo)\.(\w+)/g)].map((m) => m[1]);
  for (const name of used) assert.ok(declared.includes(name), `${name} has no type`);
});
