# Help, and calls whose words are off.
. "$LIB"

expect 0 keyring help
silent
commands=$(sed -n 's/^  \([a-z]*\) .*/\1/p' out)
[ "$(echo $commands)" = "generate init rotate list revoke drop inspect check env status" ] || fail "other commands than expected: $commands"
for command in $commands; do
	expect 0 keyring help $command
	silent
	says 'json'
	cp out page
	expect 0 keyring $command -h
	cmp out page || fail "other help"
	expect 2 keyring $command -nonsense
	[ ! -s out ] || fail "an answer beside the error"
	expect 2 keyring $command -file ''
	expect 2 keyring $command one two
done
expect 2 keyring
expect 2 keyring rotat
expect 2 keyring help rotat
expect 2 keyring drop -file keys.json
expect 2 keyring init
expect 2 keyring init keys.json
for command in rotate list 'revoke v1' 'drop v1' status; do
	expect 2 keyring $command -server ''
	says '-server is empty'
done
expect 2 keyring revoke -file keys.json ''
says 'name one key'
expect 2 keyring drop -file keys.json -lifetime -1h v1
expect 2 keyring drop -server https://id.example.com -lifetime 1h v1
expect 2 keyring list -file keys.json -timeout 1s
expect 2 keyring check -file keys.json -env now.env
expect 2 keyring rotate -server https://name:password@id.example.com
! grep -q password@ out err || fail "the password is on the screen"
expect 0 keyring generate
[ "$(tr -d '0-9a-f' <out | wc -c)" = 1 ] && [ "$(wc -c <out)" = 65 ] || fail "not 64 hex digits and nothing else"
expect 0 keyring generate -json
says '"secret": "'
