# A running instance is asked. SERVER is its address, TOKEN the administrator's.
. "$LIB"
umask 077

expect 2 keyring list -server "$SERVER"
says 'KEYRING_TOKEN'
expect 2 keyring rotate
expect 2 keyring rotate -server "$SERVER" -file keys.json
expect 2 keyring list -server http://192.0.2.1/
says 'plain http'
expect 1 env KEYRING_TOKEN="wrong-$TOKEN" keyring list -server "$SERVER"
says 'does not take the token (invalid)'

printf '%s\n' "$TOKEN" >token
expect 0 keyring list -server "$SERVER" -token-file token
says 'v2.'
says 'previous'
chmod 644 token
expect 1 keyring list -server "$SERVER" -token-file token
says 'chmod 600'
expect 3 keyring list -server "$SERVER" -token-file missing

export KEYRING_TOKEN="$TOKEN"
expect 0 keyring status -server "$SERVER"
silent
says 'SESSIONS OF'
says 'INSTANCE'
says 'ALERT'
expect 0 keyring status -server "$SERVER" -json
says '"sessions_lost": 12'
expect 0 keyring rotate -server "$SERVER"
says 'v3.'
expect 0 keyring rotate -server "$SERVER" -json
says '"tag": "v4"'
expect 1 keyring drop -server "$SERVER" v1
says '12 live sessions would be lost now'
expect 1 keyring drop -server "$SERVER" -json v1
says '"sessions_lost": 12'
expect 0 keyring drop -server "$SERVER" -force v1
expect 1 keyring drop -server "$SERVER" v1
says 'no key'
expect 0 keyring revoke -server "$SERVER" v2
expect 0 keyring revoke -server "$SERVER" v2
expect 3 keyring status -server "$SERVER/elsewhere"
! grep -qF "$TOKEN" out err || fail "the token is on the screen"
