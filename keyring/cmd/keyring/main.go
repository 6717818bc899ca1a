// Command keyring makes and changes keyring files.
//
//	keyring generate                     a new secret, 64 hex digits
//	keyring init   -file keys.json       a new keyring file with one key
//	keyring list   -file keys.json       its keys, without their material
//	keyring rotate -file keys.json       a new current key; the others stay live
//	keyring revoke -file keys.json KID   withdraw a leaked key at once
//	keyring drop   -file keys.json KID   remove a key that is retired or revoked
//
// Running servers see a changed file within ten seconds. KID is what list shows,
// or a tag if exactly one key has it. With -json the answer is JSON.
//
// Exit status: 0 done, 1 refused or unsafe, 2 usage, 3 cannot tell, because the
// file cannot be read or written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/sessionring/sessionring/keyring"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	done       = 0
	refused    = 1
	misused    = 2
	cannotTell = 3
)

const usage = `keyring makes and changes keyring files.

  keyring generate                     a new secret, 64 hex digits
  keyring init   -file keys.json       a new keyring file with one key
  keyring list   -file keys.json       its keys, without their material
  keyring rotate -file keys.json       a new current key; the others stay live
  keyring revoke -file keys.json KID   withdraw a leaked key at once
  keyring drop   -file keys.json KID   remove a key that is retired or revoked

Running servers see a changed file within ten seconds. KID is what list shows, or
a tag if exactly one key has it. With -json the answer is JSON.

Exit status: 0 done, 1 refused or unsafe, 2 usage, 3 cannot tell.
`

// call is one call of the command.
type call struct {
	name string
	file string
	json bool
	kid  string
	out  io.Writer
}

// errUsage is returned for a call whose words are off.
var errUsage = errors.New("usage")

// run is main with its surroundings as arguments; it returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		io.WriteString(stdout, usage)
		return done
	}
	if err == nil {
		err = commands[c.name].do(ctx, c)
	}
	if err == nil {
		return done
	}
	fmt.Fprintln(stderr, strings.ReplaceAll(err.Error(), "\n", "; "))
	return status(err)
}

// status returns the exit status for err.
func status(err error) int {
	var path *fs.PathError
	switch {
	case errors.Is(err, errUsage):
		return misused
	case errors.As(err, &path) && !errors.Is(err, fs.ErrExist):
		return cannotTell
	}
	return refused
}

// parse reads the words of a call. Flags may stand before and after the KID.
func parse(args []string, stdout io.Writer) (*call, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("keyring: %w: name a command, such as: keyring list -file keys.json", errUsage)
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return nil, flag.ErrHelp
	}
	cmd, ok := commands[args[0]]
	if !ok {
		return nil, fmt.Errorf("keyring: %w: there is no command %q; keyring help lists them", errUsage, args[0])
	}
	c := &call{name: args[0], out: stdout}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&c.json, "json", false, "answer in JSON")
	flags.StringVar(&c.file, "file", "", "the keyring file")
	rest, err := parseAround(flags, args[1:])
	if err != nil {
		return nil, fmt.Errorf("keyring %s: %w: %w", c.name, errUsage, err)
	}
	return c, c.check(cmd, rest)
}

// parseAround parses flags before and after the other words, and returns those.
func parseAround(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return rest, nil
		}
		rest, args = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
}

// check holds the words of a call against what the command takes.
func (c *call) check(cmd command, rest []string) error {
	wantKID := 0
	if cmd.kid {
		wantKID = 1
	}
	switch {
	case cmd.file && c.file == "":
		return fmt.Errorf("keyring %s: %w: -file PATH is required", c.name, errUsage)
	case !cmd.file && c.file != "":
		return fmt.Errorf("keyring %s: %w: it takes no -file", c.name, errUsage)
	case len(rest) < wantKID:
		return fmt.Errorf("keyring %s: %w: name the key, as keyring list shows it", c.name, errUsage)
	case len(rest) > wantKID:
		return fmt.Errorf("keyring %s: %w: %q is one word too many", c.name, errUsage, rest[wantKID])
	case cmd.kid:
		c.kid = rest[0]
	}
	return nil
}

// open opens the keyring file of the call.
func (c *call) open() (*keyring.Keyring, error) { return keyring.FromFile(c.file) }
