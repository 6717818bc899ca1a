// Verifies a token of ours with jose and the JWK Set that we publish. See public_test.go.
import { readFileSync } from "node:fs";
import { createLocalJWKSet, errors, jwtVerify } from "jose";

const task = JSON.parse(readFileSync(0, "utf8"));
const keys = createLocalJWKSet(task.set);
const accept = { algorithms: [task.alg], issuer: "https://id.example.com", audience: "shop", typ: "at+jwt" };

const { payload } = await jwtVerify(task.token, keys, accept);
const refused = await jwtVerify(task.forged, keys, accept).then(
  () => false,
  (err) => err instanceof errors.JWSSignatureVerificationFailed,
);
console.log(JSON.stringify({ subject: payload.sub, refused, keys: task.set.keys.length }));
