# The life of a keyring file.
. "$LIB"

expect 0 keyring init -file keys.json
silent
says 'current'
[ "$(ls -l keys.json | cut -c1-10)" = "-rw-------" ] || fail "others can read the file"
cp -p keys.json before
expect 1 keyring init -file keys.json
says 'left as it is'
cmp keys.json before || fail "init has changed a file"
expect 3 keyring init -file missing/keys.json

v1=$(kid v1)
expect 1 keyring drop -file keys.json "$v1"
says 'is the current key: rotate first'
expect 1 keyring drop -force -file keys.json v1
says 'is the current key: rotate first'
cmp keys.json before || fail "a refused drop has changed the file"

expect 0 keyring rotate -file keys.json
silent
v2=$(kid v2)
says "$v2 is the current key now"
[ "$(ls -l keys.json | cut -c1-10)" = "-rw-------" ] || fail "others can read the file"
expect 0 keyring list -file keys.json
says "$v1  previous"
says "$v2  current"

# Tokens need the old key for the longest lifetime and a day.
cp -p keys.json before
expect 1 keyring drop -file keys.json "$v1"
says "$v1 may still be needed"
expect 1 keyring drop -lifetime 1h -file keys.json v1
cmp keys.json before || fail "a refused drop has changed the file"
now=$(date +%s)
age $((now - 25 * 3600))
expect 1 keyring drop -file keys.json v1
expect 1 keyring drop -lifetime 90m -file keys.json v1
expect 0 keyring drop -lifetime 50m -file keys.json v1
says "$v1 is dropped"
silent
[ -z "$(kid v1)" ] || fail "v1 is still there"
expect 1 keyring drop -lifetime 50m -file keys.json v1
says 'no key has that kid or tag'

# By force, and without dates.
expect 0 keyring rotate -file keys.json
expect 0 keyring drop -force -file keys.json v2
says 'dropped by force'
expect 0 keyring rotate -file keys.json
sed 's/"iat": [0-9]*/"x": 1/' keys.json >undated
cat undated >keys.json
expect 0 keyring list -file keys.json
says 'unknown'
expect 3 keyring drop -file keys.json v3
says 'cannot be told'
expect 0 keyring drop -file keys.json -force v3

# A stolen key: at once, again, and gone, its kid remembered.
v4=$(kid v4)
expect 0 keyring revoke -file keys.json v4
says "$v4 is revoked"
cp -p keys.json before
expect 0 keyring revoke -file keys.json "$v4"
cmp keys.json before || fail "to revoke a key again has changed the file"
expect 0 keyring drop -file keys.json "$v4"
expect 0 keyring drop -file keys.json "$v4"
expect 0 keyring status -file keys.json
says 'current key v5'
says "$v4  revoked"
expect 1 keyring revoke -file keys.json v9
says 'no key has that kid or tag'

# Files that are not there, not readable or broken.
for command in list status rotate 'revoke v1' 'drop v1' check; do
	expect 3 keyring $command -file missing.json
done
cp -p keys.json before
chmod 644 keys.json
for command in list status rotate 'revoke v5' 'drop v5' check; do
	expect 1 keyring $command -file keys.json
	says 'chmod 600'
done
chmod 600 keys.json
cmp keys.json before || fail "a refusal has changed the file"
echo '{"keys":[{"kty":"oct","kid":"a","k":"AAAA"},{"kty":"RSA"}]}' >keys.json
for command in list status rotate 'revoke v5' 'drop v5' check; do
	expect 1 keyring $command -file keys.json
	[ "$(wc -l <err)" -gt 2 ] || fail "not all faults are there"
done

# Where an answer cannot be written, a change is made all the same, and the error says so.
if [ -c /dev/full ]; then
	full() { "$@" >/dev/full; }
	rm keys.json
	expect 0 full keyring init -file keys.json
	says 'keyring: keys.json is made'
	says 'keyring: the answer cannot be written: '
	for json in '' -json; do
		expect 0 full keyring rotate -file keys.json $json
		says ' is the current key now; the others stay as they are'
		says 'keyring: the answer cannot be written: '
	done
	says "keyring: $(kid v3) is the current key now"
	expect 0 full keyring revoke -file keys.json v2
	says ' is revoked'
	expect 0 full keyring drop -file keys.json -force v1
	says ' is dropped by force'
	expect 0 keyring list -file keys.json
	[ "$(wc -l <out)" = 3 ] || fail 'not v3 and v2'
	for command in generate 'list -file keys.json' 'status -file keys.json' 'check -file keys.json' 'help'; do
		expect 3 full keyring $command
		grep -q '^keyring: the answer cannot be written: ' err || fail 'another error'
	done
	expect 3 full keyring status -watch -file keys.json
fi
