// Command fleet plays deployments while people are using the servers, and counts who
// is signed out.
//
//	go run ./examples/fleet
//
// It builds the server of examples/quickstart and runs three of it on loopback, behind
// a proxy that passes requests to them in turn. Sixty people sign in, look at a page,
// refresh when their token nears its end; some are away for a while. Meanwhile it does
// what operators do: rotates the secret by a rolling deployment, a stalled one, a
// canary; twice in a row; rolls back; loses a server; revokes a key that has leaked.
// The scenarios are in scenarios.go. Where PostgreSQL and Redis are installed, it
// starts them, keeps sessions there, and rotates a keyring that the servers share.
//
// Beside it, at the same times, the same people use servers that do what everybody
// writes: sign with the current secret, accept the current and the previous one (see
// classic.go). These are given the same secrets at the same moments, behind a proxy of
// the same kind. The table at the end says who was signed out by either. Time is short
// here: an access token lives two seconds, and a roll-out takes about as long, as one
// of a quarter of an hour does where they live for fifteen minutes.
//
// It takes about a minute and needs no configuration; -h names the flags. The exit
// status is 0 if our servers signed nobody out, 1 if they did or something failed, and
// 2 for a mistake in the command line. All that it starts and writes is gone when it
// ends, also by Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	o, err := parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(2)
	case o.list:
		list(os.Stdout)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	r, err := run(ctx, o)
	stop()
	if o.json {
		err = errors.Join(err, r.writeJSON(os.Stdout))
	} else {
		r.writeText(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
	}
	if err != nil || !r.good() {
		os.Exit(1)
	}
}

// quickstart is the server that is played.
const quickstart = "github.com/sessionring/sessionring/examples/quickstart"

// run plays what o asks for. On an error, the report has what was played before.
func run(ctx context.Context, o options) (r report, err error) {
	out := os.Stdout
	if o.json {
		out = os.Stderr
	}
	log := newProgress(out)
	dir, err := os.MkdirTemp("", "sessionring-fleet-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	log.line("building the server")
	binary := filepath.Join(dir, "quickstart")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, quickstart).CombinedOutput(); err != nil {
		return r, fmt.Errorf("go build %s: %w\n%s", quickstart, err, out)
	}
	stores, err := openStores(o, &r)
	defer stores.close()
	if err != nil {
		return r, err
	}
	for _, choice := range o.choose(stores) {
		p := &play{ctx: ctx, o: o, choice: choice, binary: binary, log: log}
		if p.dir, err = os.MkdirTemp(dir, choice.name); err != nil {
			return r, err
		}
		result, err := p.run()
		if err != nil {
			return r, fmt.Errorf("%s, %s: %w", choice.title, choice.store, err)
		}
		r.Plays = append(r.Plays, result)
	}
	return r, nil
}
