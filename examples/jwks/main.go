// Command jwks is a service that signs people in and two that only verify: one with
// this library, one with golang-jwt.
//
//	go run ./examples/jwks
//
// It serves all three on loopback, each at an address of its own, and prints how to
// look at them. The key is for EdDSA and made in DATA_DIR, once, where the sessions are
// too; ADDR or PORT says where the issuer listens. Sign in as demo/demo.
//
// Who signs out is refused at the service with this library within two seconds: it
// follows the issuer's feed of ended sessions. The other takes the access token until it
// expires.
//
// With -rotate it plays a rotation of the key while twelve people use the services, with
// keys of its own, and counts who is refused: the exit status is 0 if nobody was, else
// 1, and 2 for a mistake in the command line. In earnest a new key only co-signs for 24
// hours, and services fetch the set every few minutes; here both are seconds (-lead,
// -fetch). With -lead 0s the key signs at once: the service with golang-jwt refuses what
// it signs until it fetches the set, and the one with this library never does.
//
// The parts to copy are ours.go and golangjwt.go.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/sqlstore"
)

// options is the command line.
type options struct {
	rotate bool
	lead   time.Duration
	fetch  time.Duration
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "jwks:", err)
		os.Exit(2)
	}
	server.Main(func(ctx context.Context, log *slog.Logger) error {
		if o.rotate {
			return play(ctx, o)
		}
		return serve(ctx, log, o)
	})
}

// parse reads the command line.
func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("jwks", flag.ContinueOnError)
	f.BoolVar(&o.rotate, "rotate", false, "play a rotation of the key, and count who is refused")
	f.DurationVar(&o.lead, "lead", 3*time.Second, "with -rotate: how long the new key only co-signs")
	f.DurationVar(&o.fetch, "fetch", 0, "how often the service with golang-jwt fetches the keys (default 5m, or 500ms with -rotate)")
	f.SetOutput(io.Discard) // main prints the error
	f.Usage = func() {}
	if err := f.Parse(args); err != nil {
		f.SetOutput(os.Stdout)
		if errors.Is(err, flag.ErrHelp) {
			f.PrintDefaults()
		}
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is no flag: see -h", f.Arg(0))
	case o.lead < 0 || o.fetch < 0:
		return o, errors.New("-lead and -fetch cannot be negative")
	case o.fetch == 0 && o.rotate:
		o.fetch = 500 * time.Millisecond
	case o.fetch == 0:
		o.fetch = 5 * time.Minute
	}
	return o, nil
}

// serve serves until ctx ends.
func serve(ctx context.Context, log *slog.Logger, o options) error {
	var e server.Env
	addr := e.Address("127.0.0.1:8080")
	if !server.Loopback(addr) {
		e.Fault("%s is not loopback, and the demo accounts have well-known passwords: listen on 127.0.0.1", addr)
	}
	if err := e.Err(); err != nil {
		return err
	}
	path := filepath.Join(e.DataDir(), "signing.json") // not the secret of another example
	keys, from := server.KeysIn(&e, path, "EdDSA")
	if err := e.Err(); err != nil {
		return err
	}
	ln, err := server.Listen(addr)
	if err != nil {
		return err
	}
	store, db, err := openStore(ctx, filepath.Join(e.DataDir(), "jwks.db"))
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer db.Close()
	c, err := open(ctx, log, ln, keys, store, 0, o.fetch)
	if err != nil {
		return errors.Join(err, c.close())
	}
	announce(c, from, path)
	<-ctx.Done()
	return c.close()
}

// openStore opens the store of the issuer, a file that outlives it.
func openStore(ctx context.Context, path string) (session.Store, io.Closer, error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlstore.Open(ctx, db)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return store, db, nil
}

// announce prints what there is, and lines for a shell that show it.
func announce(c *company, from, path string) {
	fmt.Printf(`issuer:   %[1]s
keys:     %[2]s
sign in:  demo/demo or admin/admin
verify:   %[3]s with this library
          %[4]s with golang-jwt
look:

curl -s %[1]s%[5]s
token=$(curl -s %[1]s/api/auth/login -d '{"username":"demo","password":"demo","transport":"bearer"}' | sed 's/.*"access_token":"\([^"]*\).*/\1/')
curl -s %[3]s/api/me -H "Authorization: Bearer $token"
curl -s %[4]s/api/me -H "Authorization: Bearer $token"
curl -s -X POST %[1]s/api/auth/logout -H "Authorization: Bearer $token"; sleep 3
curl -s %[3]s/api/me -H "Authorization: Bearer $token"
curl -s %[4]s/api/me -H "Authorization: Bearer $token"

rotate:   go run ./keyring/cmd/keyring rotate -file %[6]s
`, c.issuer, from, c.ours, c.golangJWT, jwksPath, path)
}

// listen listens on a port that is free.
func listen() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

// url returns the address of a listener.
func url(ln net.Listener) string { return "http://" + ln.Addr().String() }
