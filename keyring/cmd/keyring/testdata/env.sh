# Environments: checked, rotated and compared.
. "$LIB"
umask 077

expect 1 keyring check
says 'SESSION_SECRET is not set'
expect 1 keyring env
says 'SESSION_SECRET is not set'
secret=$(keyring generate)
expect 0 env SESSION_SECRET="$secret" TOKEN_VERSION=v7 keyring check
silent
says 'v7.'
expect 1 env SESSION_SECRET="$secret" keyring check -flask
says 'FLASK_SECRET_KEY is not set'
expect 0 env FLASK_SECRET_KEY="$secret" keyring check -flask

# All faults of an env file at once, with the number of each line and no value.
printf 'SESSION_SECRET=%s\nexport A=b\n\n# a comment\nB=%s %s\nC\n' "$secret" "$secret" "$secret" >bad.env
expect 1 keyring check -env bad.env
says 'line 2 is not KEY=VALUE'
says 'line 5 has a space'
says 'line 6 is not KEY=VALUE'
! grep -q "$secret" out err || fail "a value is on the screen"
printf 'SESSION_SECRET=short\nSESSION_SECRET_OLD=%s,%s\nTOKEN_VERSION=a/b\n' "$secret" "$secret" >bad.env
expect 1 keyring check -env bad.env
[ "$(grep -c '^keyring: bad.env: ' err)" -ge 3 ] || fail "not all faults are there"
! grep -q -e "$secret" -e short out err || fail "a value is on the screen"
expect 3 keyring check -env missing.env
expect 1 keyring env -env bad.env

# Rotated again and again: each passes, and shares a key with the one before.
printf "SESSION_SECRET='%s'\n" "$secret" >now.env
for i in 2 3 4 5 6; do
	expect 0 keyring env -env now.env
	silent
	cp out next.env
	grep -q "^TOKEN_VERSION=v$i\$" next.env || fail "not version v$i"
	grep -q "^# .* may be removed from SESSION_SECRET_OLD from 20" next.env || fail "no date"
	old=$(sed -n 's/^SESSION_SECRET=//p' now.env | tr -d "'")
	grep -q "^SESSION_SECRET_OLD=$old" next.env || fail "the present secret is not in front of the old ones"
	expect 0 keyring check -env next.env
	says 'current'
	expect 0 keyring check -env next.env -against now.env
	says 'no token is lost'
	expect 0 keyring check -env now.env -against next.env
	says 'no token is lost'
	mv next.env now.env
done
! grep -q TOKEN_VERSION_OLD now.env || fail "labels that are counted are written down"

# The secrets of the environment itself, and not on standard error.
expect 0 env SESSION_SECRET="$secret" keyring env -json
says "\"value\": \"$secret\""
! grep -q "$secret" err || fail "a secret is among the errors"

# What is lost without an old key, and with no key in common.
sed 's/^\(SESSION_SECRET_OLD=[^,]*\),.*/\1/' now.env >fewer.env
expect 0 keyring check -env fewer.env -against now.env
says 'fewer.env refuses tokens for which v4.'
printf 'SESSION_SECRET=%s\n' "$(keyring generate)" >other.env
expect 1 keyring check -env other.env -against now.env
says 'no live key'
silent
expect 1 keyring check -env other.env -against bad.env
says 'bad.env'
expect 3 keyring check -env other.env -against missing.env

# Moved into a file: they share the key that the file has too.
keyring init -file keys.json >/dev/null
expect 1 keyring check -file keys.json -against now.env
expect 1 keyring check -env now.env -against keys.json
expect 0 keyring check -file keys.json -against keys.json
says 'no token is lost'

# A pipe will do: the secret need not be in a file.
printf 'SESSION_SECRET=%s\n' "$secret" | expect 0 keyring check -env /dev/stdin
silent

# An env file that others can read is good, but worth a word.
chmod 644 other.env
expect 0 keyring check -env other.env
says 'chmod 600'
