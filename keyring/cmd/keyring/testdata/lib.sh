# What the scripts have in common. They run in an empty directory, with the command
# keyring in the path.

fail() {
	echo "FAIL: $*" >&2
	cat out err >&2
	exit 1
}

# expect STATUS COMMAND... runs a command, which must end with that status. What it
# prints is in the files out and err.
expect() {
	want=$1
	shift
	status=0
	"$@" >out 2>err || status=$?
	[ "$status" = "$want" ] || fail "$*: status $status, want $want"
}

# says TEXT: the last command has printed it, as an answer or as an error.
says() {
	grep -qF -e "$1" out err || fail "nothing says: $1"
}

# silent: the last command has printed no error.
silent() {
	[ ! -s err ] || fail "there is an error"
}

# kid TAG prints the kid of a key of keys.json.
kid() {
	keyring list -file keys.json | sed -n "s/^\($1\.[A-Za-z0-9_-]*\) .*/\1/p"
}

# age DATE-PATTERN gives the keys of keys.json another date, in seconds since 1970.
age() {
	sed "s/\"iat\": [0-9]*/\"iat\": $1/" keys.json >aged
	cat aged >keys.json
	rm aged
}
