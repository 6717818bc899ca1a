// Verifies a token of ours with jose, and signs one for us. See interop_test.go.
import { readFileSync } from "node:fs";
import { SignJWT, errors, jwtVerify } from "jose";

const task = JSON.parse(readFileSync(0, "utf8"));
const bytes = (text) => new TextEncoder().encode(text);
const accept = { algorithms: ["HS256"], issuer: "https://id.example.com", audience: "shop", typ: "at+jwt" };

const refused = (secret) =>
  jwtVerify(task.token, bytes(secret), accept).then(
    () => false,
    (err) => err instanceof errors.JWSSignatureVerificationFailed,
  );
const sign = (secret) =>
  new SignJWT(task.sign).setProtectedHeader({ alg: "HS256", kid: "v2", typ: "at+jwt" }).sign(bytes(secret));

const { payload } = await jwtVerify(task.token, bytes(task.secret), accept);
console.log(JSON.stringify({
  subject: payload.sub,
  refused: await refused(task.wrong),
  signed: await sign(task.secret),
  forged: await sign(task.wrong),
}));
