// Package sessionring is the module of a library that keeps people signed in:
// across restarts, deployments, key rotations and roll-backs.
//
// It holds no code of its own. A program imports
//
//   - keyring: the keys, and where they come from;
//   - session: issue, check, refresh and end sessions; the middleware;
//   - session/memstore, session/sqlstore, session/redisstore: where sessions are kept,
//     if they are; session/storetest tests other stores;
//   - cookie: one policy for set, read, clear, CORS and CSRF;
//   - health: what a client asks to learn whether its tokens still fit.
//
// The command keyring/cmd/keyring makes and changes keyring files. The README has a
// complete program and the runbooks.
package sessionring
