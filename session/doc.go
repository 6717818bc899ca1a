// Package session keeps people signed in: across restarts, deployments, key
// rotations and roll-backs.
//
// A [Manager] issues, checks, refreshes and ends sessions. A session is one
// sign-in on one device, carried by two signed tokens: a short-lived access token
// that is sent with every request, and a long-lived refresh token that is traded
// for new ones. Both travel in cookies or, for clients that keep none, in the
// Authorization header and in bodies.
//
//	keys, err := keyring.FromEnv()
//	sessions, err := session.New(session.Config{Keys: keys, Cookies: cookie.SameSite()})
//	…
//	err = sessions.SignIn(w, r, session.Grant{Subject: "alice"})
//	…
//	http.Handle("GET /api/me", sessions.Require(me))
//
// # Refused or cannot tell
//
// Every error is one of nine sentinels, or something that is no refusal at all.
// [Status] makes 401, 403 or 503 of it and [Reason] the word that JSON, logs and
// metrics use. Only a definite refusal is 401: when nobody can tell whether a
// token is good, because no key of the ring made it or because the store is
// down, the answer is 503, nothing is cleared, and the user is still signed in
// when the fault is over. A client ends a session on one answer alone: 401 from
// the refresh route.
//
// # With a store and without
//
// Without a [Store] all that makes a session is in its tokens. With one a session
// has a record: refresh tokens rotate, and one that comes back after its successor
// was used ends the session; sessions can be listed and ended before their time; and
// purpose tokens can be used up. Racing refreshes of one session within
// Config.RefreshGrace all get the same refresh token, and an answer that is lost
// loses nobody. What cannot be found is a thief who presents a stolen token within
// that grace of every refresh of its owner.
//
// # Services that only verify
//
// A Manager with public keys checks sessions of another service and can issue none; see
// keyring.FromURL. With [Config].Revocations it also learns from there which sessions
// have ended, within Config.RevocationLag, and cannot tell while it cannot learn it.
//
// # In the background
//
// New starts nothing. A program calls [Manager.Run] in a goroutine if it has a Store or
// Revocations, or keys that may change while it runs: those of a file, a function, a
// store or another service.
//
// # Tokens
//
// Tokens are compact JWS (RFC 7515) with JWT claims (RFC 7519), and verify with
// any JWT library. Beside its ordinary signature by the current key a token is
// co-signed by the other live keys, and every instance that holds one of them
// accepts it; see the package documentation of keyring.
package session
