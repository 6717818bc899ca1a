// Command keyring makes, changes and explains the keys with which sessions are
// signed.
//
//	keyring generate                     a new secret, 64 hex digits
//	keyring init    -file keys.json      a new keyring file with one key
//	keyring rotate  -file keys.json      a new current key; the others stay live
//	keyring list    -file keys.json      the keys, and from when each may go
//	keyring revoke  -file keys.json KID  withdraw a leaked key at once
//	keyring drop    -file keys.json KID  remove a key that nothing needs any more
//	keyring status  -server URL          keys, sessions, instances, alerts
//	keyring inspect <token.txt           explain a token
//	keyring check   -env new.env         validate an environment, or compare two
//	keyring env     -env now.env         the lines of its next rotation
//
// rotate, list, revoke, drop and status take -file PATH, or -server URL for what
// running instances hold, such as a keyring in their store. keyring help COMMAND
// says what a command does, and which flags it has.
//
// Servers that call go sessions.Run(ctx) see a changed file within ten seconds;
// others when they start again. KID is what list shows, or a tag if exactly one
// key has it. With -json the answer is JSON, and so is a refusal.
//
// No secret is shown but by generate and env, which are asked for one. Tokens are
// read from standard input, the environment or a file, never from an argument.
//
// Exit status: 0 done, 1 refused or unsafe, 2 usage, 3 cannot tell, because a file
// cannot be read, a server does not answer, or dates or keys are missing. Keys that are
// changed are 0 also if the answer cannot be written: the error then says what was done.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is main with its surroundings as arguments; it returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := parse(args)
	c.in, c.out = stdin, output{stdout}
	if err == nil && c.help != "" {
		_, err = io.WriteString(c.out, c.help)
	} else if err == nil {
		err = c.do(ctx, c)
	}
	return c.end(err, stdout, stderr)
}
