# Eight at once on one file: each makes a key, and none is lost.
. "$LIB"
expect 0 keyring init -file keys.json
pids=
for i in 1 2 3 4 5 6 7 8; do
	keyring rotate -file keys.json >rotated.$i 2>&1 &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid" || fail "$(cat rotated.*)"
done
expect 0 keyring check -file keys.json
for i in 1 2 3 4 5 6 7 8 9; do
	[ -n "$(kid v$i)" ] || fail "v$i is lost"
done
for i in 1 2 3 4 5 6 7 8; do
	grep -qF "$(sed 's/ .*//' rotated.$i)" out || fail "a key that was reported is lost"
done

# Eight that make the file: one does, and seven leave it as it is.
pids= won=0
for i in 1 2 3 4 5 6 7 8; do
	keyring init -file new.json >made.$i 2>&1 &
	pids="$pids $!"
done
for pid in $pids; do
	if wait "$pid"; then won=$((won + 1)); fi
done
[ "$won" = 1 ] || fail "$won have made the file"
expect 0 keyring check -file new.json
