// Package keyring holds the keys with which sessions are signed, and follows
// them as they change.
//
// A key is a secret, or a key pair, with a tag, a label such as "v2". A keyring is the
// few keys that a service holds at one time: the newest, which signs; older ones,
// whose tokens are still about; and perhaps a spare. While it holds several, up to four
// of them vouch for every new token, so a token is good wherever one of these is held.
// That is why a key can be replaced in one ordinary deployment, or rolled back, without
// signing anybody out.
//
// Keys come from one of these sources:
//
//   - the environment: [FromEnv], or [Env] for other names, or [FlaskEnv];
//   - a file that is watched, a JWK Set (RFC 7517): [FromFile], made by [InitFile];
//   - the session store, where all instances share a sealed keyring that rotates
//     by itself: [FromStore];
//   - a function of the program, such as a client of a secret manager: [FromFunc];
//   - an address, the public keys of another service: [FromURL];
//   - the program itself: [New], with keys made by [NewKey], [NewSigner] or [ParseKeys].
//
// Secrets are for HS256. Where others verify, keys for EdDSA or ES256 sign, and
// [Keyring.ServeJWKS] gives out their public halves; a keyring of public keys alone
// verifies and cannot sign.
//
// A secret is at least 32 random bytes. Secrets that are short, regular, written
// as placeholders or published somewhere are refused when the program starts,
// and so are two that come to the same key. All faults are reported at once, and
// no message holds any part of a secret.
//
// A file, a function, a store and an address are read again while session.Manager.Run
// runs, and by [Keyring.Reload]; the environment and the program are not read again.
//
// Nothing here prints, logs or encodes a secret: keys show as their kid, which is
// tag, dot and fingerprint, and keyrings as the tags of their keys.
package keyring
