package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"time"
)

// call is one call of the command.
type call struct {
	command
	help string // to be printed instead
	key  string // the key that it names
	in   io.Reader
	out  io.Writer

	json, force, flask, watch bool
	file, server, tokenFile   string
	env, against, alg         string
	timeout, lifetime         time.Duration
}

// command is one command: what it does and what words it takes.
type command struct {
	name  string
	takes string // "KID" if it takes one
	flags string // those it has besides -json; "file|server" means one of them
	short string
	long  string
	do    func(context.Context, *call) error
}

// parse reads the words of a call. Flags may stand before and after the others. The
// call is never nil.
func parse(args []string) (*call, error) {
	c := &call{}
	if len(args) == 0 {
		return c, c.usage("name a command, such as: keyring list -file keys.json; keyring help lists them")
	}
	if slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		return c, c.helpOn(args[1:])
	}
	if !c.find(args[0]) {
		return c, c.usage("there is no such command; keyring help lists them")
	}
	flags := c.flagSet()
	rest, err := parseAround(flags, args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		c.help = c.page()
		return c, nil
	case err != nil:
		return c, c.usage("%v; keyring help %s says more", err, c.name)
	}
	return c, c.check(given(flags), rest)
}

// find sets the command of the call to the one of that name.
func (c *call) find(name string) bool {
	i := slices.IndexFunc(commands, func(cmd command) bool { return cmd.name == name })
	if i >= 0 {
		c.command = commands[i]
	}
	return i >= 0
}

// flagSet returns the flags of the command.
func (c *call) flagSet() *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&c.json, "json", false, "answer in JSON")
	for _, name := range strings.FieldsFunc(c.flags, func(r rune) bool { return r == ' ' || r == '|' }) {
		c.define(flags, name)
	}
	return flags
}

// define adds the flag of that name, for -server also those that go with it.
func (c *call) define(flags *flag.FlagSet, name string) {
	switch name {
	case "file":
		flags.StringVar(&c.file, "file", "", "the keyring file, at `PATH`")
	case "server":
		flags.StringVar(&c.server, "server", "", "ask the running instance at `URL`; https, or http on this machine")
		flags.StringVar(&c.tokenFile, "token-file", "", "with -server: read the administrator's access token from `FILE`,\nnot from the variable KEYRING_TOKEN")
		flags.DurationVar(&c.timeout, "timeout", 10*time.Second, "with -server: how long to wait for an answer")
	case "lifetime":
		flags.DurationVar(&c.lifetime, "lifetime", 168*time.Hour, "the longest lifetime of any token: that of refresh tokens\n(REFRESH_TTL), or of purpose tokens if those live longer")
	case "alg":
		flags.StringVar(&c.alg, "alg", "", "what the new key is for, `HS256`, EdDSA or ES256: by default the same as\nthe newest one, and HS256 for the first")
	case "force":
		flags.BoolVar(&c.force, "force", false, "drop a key that tokens may still need")
	case "env":
		flags.StringVar(&c.env, "env", "", "read the variables from `FILE` instead of the environment")
	case "flask":
		flags.BoolVar(&c.flask, "flask", false, "the variables are FLASK_SECRET_KEY and FLASK_SECRET_KEY_OLD")
	case "against":
		flags.StringVar(&c.against, "against", "", "compare with another configuration, an env file or a keyring `FILE`")
	case "watch":
		flags.BoolVar(&c.watch, "watch", false, "again every two seconds, until interrupted")
	}
}

// given returns the names of the flags that were given.
func given(flags *flag.FlagSet) map[string]bool {
	names := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { names[f.Name] = true })
	return names
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

// check holds the words of a call against what the command takes. Words that are
// one too many are not repeated: they may be a secret.
func (c *call) check(given map[string]bool, rest []string) error {
	if err := c.checkFlags(given); err != nil {
		return err
	}
	switch {
	case c.takes == "" && len(rest) > 0:
		return c.usage("it takes no word besides its flags; secrets and tokens are never arguments")
	case c.takes != "" && (len(rest) != 1 || rest[0] == ""):
		return c.usage("name one key, as keyring list shows it")
	case c.takes != "":
		c.key = rest[0]
	}
	return nil
}

// checkFlags refuses flags that contradict each other, or of which one is missing.
func (c *call) checkFlags(given map[string]bool) error {
	places := strings.Contains(c.flags, "file|server")
	switch {
	case places && given["file"] == given["server"]:
		return c.usage("say -file PATH or -server URL, one of them")
	case c.flags == "file alg" && !given["file"]:
		return c.usage("-file PATH is required")
	case given["file"] && c.file == "", given["env"] && c.env == "", given["against"] && c.against == "", given["token-file"] && c.tokenFile == "":
		return c.usage("a flag that names a file is empty")
	case given["server"] && c.server == "":
		return c.usage("-server is empty: it is an address such as https://id.example.com")
	case given["file"] && (given["env"] || given["flask"]):
		return c.usage("-file does not go with -env and -flask")
	case !given["server"] && (given["token-file"] || given["timeout"]):
		return c.usage("-token-file and -timeout go with -server")
	case given["server"] && given["alg"]:
		return c.usage("-alg goes with -file: a server knows what its keys are for")
	case given["alg"] && c.alg != "HS256" && c.alg != "EdDSA" && c.alg != "ES256":
		return c.usage(`-alg takes one of "HS256", "EdDSA" and "ES256"`)
	case given["server"] && given["lifetime"]:
		return c.usage("-lifetime goes with -file: a server knows what is needed")
	case given["lifetime"] && c.lifetime <= 0, given["timeout"] && c.timeout <= 0:
		return c.usage("a duration must be more than 0, such as 168h")
	}
	return nil
}
