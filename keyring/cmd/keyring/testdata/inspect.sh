# Tokens explained. TOKENS has an access token, a refresh token, one of a purpose,
# one that has ended, and keys.json, under whose keys v2 and v1 they were issued.
. "$LIB"
cp -p "$TOKENS/keys.json" .
v2=$(kid v2)

expect 0 keyring inspect -file keys.json <"$TOKENS/access"
silent
says 'ACCEPTED: an access token'
says "$v2"
says 'co-signed'
says '"alice"'
for kind in refresh purpose; do
	expect 0 keyring inspect -file keys.json <"$TOKENS/$kind"
	says "ACCEPTED: a $kind token"
done
expect 1 keyring inspect -file keys.json <"$TOKENS/expired"
says 'REFUSED: it is genuine, but ended'

# No ring, and one with other keys.
expect 3 keyring inspect <"$TOKENS/access"
says 'CANNOT TELL: no ring was given'
says 'claims, not verified'
says "$v2"
expect 1 env SESSION_SECRET="$(keyring generate)" keyring inspect <"$TOKENS/access"
says 'unknown key'
keyring init -file others.json >/dev/null
expect 1 keyring inspect -file others.json <"$TOKENS/access"
says 'not held'
expect 3 keyring inspect -file missing.json <"$TOKENS/access"
expect 3 env SESSION_SECRET=short keyring inspect <"$TOKENS/access"
! grep -q short out err || fail "the secret is on the screen"

# The key that signed is stolen: the co-signer vouches.
keyring revoke -file keys.json v2 >/dev/null
expect 0 keyring inspect -file keys.json <"$TOKENS/access"
says 'revoked'
says 'counts for nothing'
keyring revoke -file keys.json v1 >/dev/null
expect 1 keyring inspect -file keys.json <"$TOKENS/access"
says 'every key of the token is revoked'

# What is no token, and too much of it. A token is never an argument.
expect 1 keyring inspect -file keys.json <keys.json
expect 2 keyring inspect -file keys.json </dev/null
expect 2 keyring inspect -file keys.json "$(cat "$TOKENS/access")"
! grep -qF "$(cat "$TOKENS/access")" out err || fail "the token is on the screen"
head -c 1000000 /dev/zero | expect 1 keyring inspect -file keys.json

# As JSON, without a signature: the last part of the token.
expect 3 keyring inspect -json <"$TOKENS/access"
says '"verdict": "unavailable"'
! grep -qF "$(sed 's/.*\.//' "$TOKENS/access")" out err || fail "a signature is on the screen"
