package main

import (
	"flag"
	"fmt"
	"strings"
)

// overview and its end are around the list of commands.
const (
	overview = `keyring makes, changes and explains the keys with which sessions are signed.

`
	overviewEnd = `
keyring help COMMAND says what a command does, and which flags it has.

KID is what list shows, or a tag if exactly one key has it. With -json the answer
is JSON, and so is a refusal. No secret is shown but by generate and env, which are
asked for one. Tokens are read from standard input, the environment or a file.

Exit status: 0 done, 1 refused or unsafe, 2 usage, 3 cannot tell.
`
)

// helpOn has the help printed on the command that is named, on all without one.
func (c *call) helpOn(words []string) error {
	switch {
	case len(words) == 0:
		c.help = contents()
	case len(words) > 1 || !c.find(words[0]):
		return c.usage("help takes the name of one command; keyring help lists them")
	default:
		c.help = c.page()
	}
	return nil
}

// contents returns the list of commands.
func contents() string {
	var b strings.Builder
	b.WriteString(overview)
	for _, cmd := range commands {
		fmt.Fprintf(&b, "  %-11s %s\n", strings.TrimSpace(cmd.name+" "+cmd.takes), cmd.short)
	}
	b.WriteString(overviewEnd)
	return b.String()
}

// page returns the help on the command of the call.
func (c *call) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "keyring %s: %s.\n\n  %s\n\n%s\nFlags:\n", c.name, c.short, c.form(), c.long)
	c.flagSet().VisitAll(func(f *flag.Flag) { writeFlag(&b, f) })
	return b.String()
}

// form returns how the command is written.
func (c *call) form() string {
	form := "keyring " + c.name
	switch {
	case strings.Contains(c.flags, "file|server"):
		form += " -file PATH | -server URL"
	case c.flags == "file":
		form += " -file PATH"
	}
	return strings.TrimSpace(form + " [flags] " + c.takes)
}

// writeFlag writes the help on one flag.
func writeFlag(b *strings.Builder, f *flag.Flag) {
	arg, text := flag.UnquoteUsage(f)
	name := strings.TrimSpace("-" + f.Name + " " + strings.ToUpper(arg))
	if f.DefValue != "" && f.DefValue != "false" {
		text += " (default " + strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(f.DefValue) + ")"
	}
	fmt.Fprintf(b, "  %-18s %s\n", name, strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", 21)))
}
