package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// options are the flags.
type options struct {
	replicas, users int
	store           string // "all", "none", "postgres" or "redis"
	names           []string
	pace            time.Duration
	json, list      bool
}

// parse reads the command line.
func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("fleet", flag.ContinueOnError)
	f.IntVar(&o.replicas, "replicas", 3, "servers of the fleet, 2 to 20")
	f.IntVar(&o.users, "users", 60, "people who use it, 1 to 1000")
	f.StringVar(&o.store, "store", "all", "where sessions are: none, postgres, redis, or all: each where it is installed")
	names := f.String("scenario", "", "play only these, comma separated (see -list); on every store that -store names")
	f.DurationVar(&o.pace, "pace", 500*time.Millisecond, "time between two steps; longer is gentler")
	f.BoolVar(&o.json, "json", false, "print the result as JSON, and the progress to standard error")
	f.BoolVar(&o.list, "list", false, "print the scenarios and exit")
	f.SetOutput(io.Discard) // main prints the error
	f.Usage = func() {}
	if err := f.Parse(args); err != nil {
		f.SetOutput(os.Stdout)
		if errors.Is(err, flag.ErrHelp) {
			f.PrintDefaults()
		}
		return o, err
	}
	if *names != "" {
		o.names = strings.Split(*names, ",")
	}
	return o, o.check(f.Args())
}

// check returns what is wrong with o.
func (o options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q: there are only flags", rest[0])
	case o.replicas < 2 || o.replicas > 20:
		return fmt.Errorf("-replicas is %d: use 2 to 20", o.replicas)
	case o.users < 1 || o.users > 1000:
		return fmt.Errorf("-users is %d: use 1 to 1000", o.users)
	case o.pace < 0 || o.pace > time.Minute:
		return fmt.Errorf("-pace is %v: use 0 to 1m", o.pace)
	case !slices.Contains([]string{"all", "none", "postgres", "redis"}, o.store):
		return fmt.Errorf("-store is %q: use none, postgres, redis or all", o.store)
	}
	for _, name := range o.names {
		if !slices.ContainsFunc(scenarios(), func(s scenario) bool { return s.name == name }) {
			return fmt.Errorf("-scenario names %q, which does not exist: see -list", name)
		}
	}
	return nil
}

// wants reports whether sessions are to be kept in a store.
func (o options) wants(store string) bool { return o.store == "all" || o.store == store }

// choice is a scenario and the store on which it is played.
type choice struct {
	scenario
	store store
}

// choose returns what is to be played. Without names, not every scenario is played on
// every store, so that it takes a minute.
func (o options) choose(stores stores) (list []choice) {
	for _, db := range stores {
		for _, s := range scenarios() {
			named := slices.Contains(o.names, s.name)
			usual := len(o.names) == 0 && !s.byName && (s.everywhere || o.store != "all" || !db.shared())
			if (named || usual) && (db.shared() || s.keys != inStore) {
				list = append(list, choice{s, db})
			}
		}
	}
	return list
}

// list prints the scenarios.
func list(w io.Writer) {
	for _, s := range scenarios() {
		fmt.Fprintf(w, "%-22s %s\n", s.name, s.about())
	}
}

// about is the title of a scenario and what is special about it.
func (s scenario) about() string {
	text := s.title
	if s.keys == inStore {
		text += " (needs a store)"
	}
	if s.byName {
		text += " (only by name: it signs people out, as it must)"
	}
	return text
}

// terminal reports whether people are looking at f.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
