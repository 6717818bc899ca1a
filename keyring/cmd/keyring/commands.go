package main

// commands are all commands, in the order in which help lists them.
var commands = []command{
	{
		name: "generate", short: "print a new secret", do: generate,
		long: `It prints 64 hex digits, 32 random bytes, and nothing else: a value for
SESSION_SECRET, SESSION_SECRET_SPARE or SESSION_KEYRING_KEK.
`,
	},
	{
		name: "init", flags: "file alg", short: "make a keyring file with one key", do: initFile,
		long: `The file is a JWK Set (RFC 7517) that only its owner can read. One that exists is
never overwritten: that is exit status 1. The directory must exist.
`,
	},
	{
		name: "rotate", flags: "file|server alg", short: "make a new current key", do: rotate,
		long: `New tokens are signed by the new key. The others stay live, co-sign and are
accepted, so nobody is signed out, and a roll-back loses nobody either.

The file is replaced in one step, whoever else changes it at the same time. Servers
that call go sessions.Run(ctx) see it within ten seconds, others when they start
again; both accept what the other issues. list shows from when the old key may go.

A key for EdDSA or ES256 co-signs for 24 hours and signs then: by that time all who
verify with the public keys have it. One for HS256, which -alg HS256 makes, signs at
once, and is never among the public keys: other libraries cannot verify what it signs.
`,
	},
	{
		name: "list", flags: "file|server lifetime", short: "show the keys, and from when each may go", do: listKeys,
		long: `Keys show as their kid, newest first; their secrets are never shown. MAY GO is from
when drop removes the key without -force: with -file by the dates in the file, as
keyring help drop says; with -server by what the running instances know. Of a key
that only co-signs and will be the current one by that date it says "not yet".
`,
	},
	{
		name: "revoke", takes: "KID", flags: "file|server", short: "withdraw a leaked key at once", do: revoke,
		long: `The key proves nothing any more. Tokens for which another live key has vouched
too, such as a spare, stay good; the others are refused. A successor is made if
it was the current key, or if nothing but spares would be left. To revoke a key
again does nothing.

It takes effect where servers read the keys again: with -file within ten seconds
in those that call go sessions.Run(ctx), in others when they start again. Services
that verify with the public keys take its tokens until they fetch the set again,
which is every five minutes with keyring.FromURL: start them again if that is long.
`,
	},
	{
		name: "drop", takes: "KID", flags: "file|server force lifetime", short: "remove a key that nothing needs any more", do: drop,
		long: `Retired and revoked keys go at once; of a revoked one the kid is kept, so that its
tokens are still known as revoked. The current key never goes: rotate first.

Any other key is refused while tokens may need it. With -file it may go when the
key after it (the next newer one that is live and no spare) was made longer ago
than the longest lifetime of any token and 24 hours. -lifetime is that of refresh
tokens, REFRESH_TTL, 7 days by default; if you issue purpose tokens that live
longer, such as invitations, it is theirs. The 24 hours are for servers to come by
the new key: if the last one had it later, wait as much longer. Without dates in
the file it cannot be told: exit status 3. A new key that only co-signs, and will be
the current one by then, has no such date yet. With -server the running instances
say whether the key is needed, and by how many sessions.

-force drops it all the same. Who holds a token for which no other live key has
vouched must sign in again.
`,
	},
	{
		name: "inspect", flags: "file env flask", short: "explain a token from standard input", do: inspect,
		long: `It shows what the token says and which keys vouch for it, and with a ring, which of
them that holds and whether each signature is right. The ring is that of -file, of
-env, or of the environment if its secret is set. Without one nothing is verified.
Signatures are never shown. 60 seconds of clock difference are allowed.

Whether its session has been ended, and whether issuer, audience and user are those
a server wants, only that server knows.

Exit status: 0 this ring accepts it, 1 it is refused, 3 cannot tell: no ring.
`,
	},
	{
		name: "check", flags: "file env flask against lifetime", short: "validate a configuration, or compare two", do: check,
		long: `It says all that is wrong with the variables of the environment, of -env or in the
keyring of -file, and shows the keys. If it finds no fault a server starts with them.

-against compares with the configuration that runs now, or with any other: each
must accept what the other issues while both run and until the tokens have ended,
so they must share a live key. It names the keys that only the other holds: tokens
for which only these vouch are refused here.

An env file has lines of the form KEY=VALUE, KEY="VALUE" or KEY='VALUE', empty ones,
and comments that begin with #. What systemd, Docker and a shell would not read
alike is refused; docker run --env-file takes quotes as part of the value.

Exit status: 0 all is well, 1 faults, or no shared key.
`,
	},
	{
		name: "env", flags: "env flask lifetime", short: "print the lines of the next rotation", do: nextEnv,
		long: `It takes the variables of the environment or of -env, makes a new secret, puts the
present one in front of the old ones, and prints the lines with which to replace
those of the same names. Then deploy as always: rolling, canary, at any speed.
Comments say from when the old secret may be removed, given that the roll-out ends
now. The output holds secrets: umask 077 before it is sent to a file.
`,
	},
	{
		name: "status", flags: "file|server lifetime watch", short: "show keys, sessions, instances and alerts", do: status,
		long: `With -server it shows what the running instances know: the keys, when each was last
needed and how many sessions would be lost without it, how far they have moved on from
older keys, live sessions by tag, instances and alerts. With -file it shows the keys
and their dates. With -watch it does so again every two seconds, until interrupted.
`,
	},
}
