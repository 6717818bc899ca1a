// Command flask is the drop-in successor of a Flask backend, for moving over without
// signing anyone out: the same routes, cookies, tokens and variables. While both run,
// each accepts what the other issues.
//
//	FLASK_SECRET_KEY=… PORT=5000 go run ./examples/flask
//
// It is compatible at a price. Tokens are in the body of answers as well as in
// cookies, so a script in the page can read them: set BODY_TOKENS=0 as soon as no
// client needs that. The cookies have names without the prefix that would protect
// them, and are not partitioned, so browsers that block third-party cookies drop
// them. And a session goes on for as long as it is refreshed, unless SESSION_TTL
// ends it. New services should start from the quickstart.
//
// Any password is good but one, so other machines are let in only with INSECURE_DEMO=1:
// put your own check into login.go first.
//
// The variables that it reads are named in config.go.
package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/sessionring/sessionring/examples/internal/server"
	"github.com/sessionring/sessionring/session"
)

func main() { server.Main(run) }

func run(ctx context.Context, log *slog.Logger) error {
	cfg, err := readConfig()
	if err != nil {
		return err
	}
	ln, err := server.Listen(cfg.addr)
	if err != nil {
		return err
	}
	cfg.sessions.Logger = log
	sessions, err := session.New(cfg.sessions)
	if err != nil {
		return err
	}
	for _, text := range cfg.warnings {
		log.Warn(text)
	}
	fmt.Printf("listening on http://%s\n", ln.Addr())
	a := &app{sessions: sessions, policy: cfg.policy, bodyTokens: cfg.bodyTokens}
	return server.Serve(ctx, ln, server.Secure(cfg.secure, a.routes()), log)
}
