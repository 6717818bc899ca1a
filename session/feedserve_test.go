package session_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// The feed is closed to all who do not have the secret, and says nothing to them.
func TestServeRevocations(t *testing.T) {
	t.Parallel()
	secret, older, log := feedSecret(), feedSecret(), new(logBook)
	s := new(memstore.Store)
	_, keys := issuerOf(t, s, secret)
	m := managerOf(t, "v1", func(cfg *session.Config) {
		cfg.Keys, cfg.Store, cfg.Logger = keys, s, log.logger()
		cfg.Revocations.Secret = secret + "," + older
		cfg.Refuse = func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "to the sign-in page", http.StatusSeeOther)
		}
	})
	revoke(t, m, sidOf(t, m, issue(t, m, alice)))
	bearer := "Authorization: Bearer "
	first := serve(http.HandlerFunc(m.ServeRevocations), request("/", bearer+secret))
	tag := first.Header.Get("ETag")
	handlers := map[string]*session.Manager{
		"": m, "no secret": managerOn(t, new(memstore.Store)), "no store": managerOf(t, "v1"),
		"reads itself": readerOf(t, keys, secret, new(wire)),
	}
	for name, c := range map[string]struct {
		by   string
		r    *http.Request
		want int
		says string
	}{
		"the secret":       {"", request("/", bearer+secret), 200, `{"entries":[{"s":`},
		"the older one":    {"", request("/", bearer+older), 200, `{"entries":[{"s":`},
		"HEAD":             {"", request("HEAD /", bearer+secret), 200, ""},
		"unchanged":        {"", request("/", bearer+secret, "If-None-Match: "+tag), 304, ""},
		"changed":          {"", request("/", bearer+secret, `If-None-Match: "x"`), 200, `{"entries":[{"s":`},
		"no place of ours": {"", request("/?after=%00%ff", bearer+secret), 200, `{"entries":[{"s":`},
		"a long place":     {"", request("/?after="+strings.Repeat("a", 50_000), bearer+secret), 200, `{"entries":[{"s":`},
		"nothing":          {"", request("/"), 401, `{"error":"no_token"}`},
		"an empty token":   {"", request("/", "Authorization: Bearer "), 401, `{"error":"invalid"}`},
		"both":             {"", request("/", bearer+secret+","+older), 401, `{"error":"invalid"}`},
		"one less":         {"", request("/", bearer+secret[1:]), 401, `{"error":"invalid"}`},
		"one more":         {"", request("/", bearer+secret+"0"), 401, `{"error":"invalid"}`},
		"twice":            {"", request("/", bearer+secret, bearer+secret), 401, `{"error":"invalid"}`},
		"Basic":            {"", request("/", "Authorization: Basic "+secret), 401, `{"error":"invalid"}`},
		"in the query":     {"", request("/?access_token=" + secret), 401, `{"error":"no_token"}`},
		"an access token":  {"", request("/", bearer+issue(t, m, alice).AccessToken), 401, `{"error":"invalid"}`},
		"POST":             {"", request("POST /", bearer+secret), 405, `{"error":"invalid"}`},
		"without a secret": {"no secret", request("/", bearer), 404, ""},
		"without a store":  {"no store", request("/", bearer+secret), 404, ""},
		"a reader":         {"reads itself", request("/", bearer+secret), 404, ""},
	} {
		res := serve(http.HandlerFunc(handlers[c.by].ServeRevocations), c.r)
		h, body := res.Header, bodyOf(t, res)
		if res.StatusCode != c.want || !strings.HasPrefix(body, c.says) || h.Get("Cache-Control") != "no-store" || c.want < 300 && h.Get("ETag") == "" {
			t.Errorf("%s: got %d, %q, %v, want %d, %s", name, res.StatusCode, body, h, c.want, c.says)
		}
		challenge := `Bearer error="invalid_token"`
		if slices.Contains([]string{"nothing", "in the query", "an empty token", "Basic"}, name) {
			challenge = `Bearer` // no token was sent (E3)
		}
		if c.want == 401 && h.Get("WWW-Authenticate") != challenge || c.want == 405 && h.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: got the header %v", name, h)
		}
	}
	if strings.Contains(log.String(), secret[1:]) || len(log.records(t, "revocation feed refused: not a secret of Config.Revocations")) == 0 {
		t.Errorf("got the log %s, want refusals without secrets", log)
	}
	down := new(unsteady)
	broken := sisterOf(t, keys, down, secret)
	down.down.Store(true)
	res := serve(http.HandlerFunc(broken.ServeRevocations), request("/", bearer+secret))
	if body := bodyOf(t, res); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || body != `{"error":"unavailable"}` {
		t.Errorf("store down: got %d, %s", res.StatusCode, body)
	}
}

// Whoever does not have the secret fills no log, however often they ask.
func TestFeedFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := new(logBook)
		m := managerOn(t, new(memstore.Store), func(cfg *session.Config) {
			cfg.Revocations.Secret, cfg.Logger = feedSecret(), log.logger()
		})
		for second := range 3 {
			for range 100 {
				serve(http.HandlerFunc(m.ServeRevocations), request("/", "Authorization: Bearer "+feedSecret()))
			}
			if n := len(log.records(t, "revocation feed refused: not a secret of Config.Revocations")); n != second+1 {
				t.Errorf("second %d: logged %d times so far, want once a second", second, n)
			}
			time.Sleep(time.Second)
		}
	})
}

// What another release may have put into the feed of the store is left out: it would be
// no answer to those who read it here, and they would hear of no end any more.
func TestFeedStrangeEntries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, secret, x := new(memstore.Store), feedSecret(), new(wire)
		m, keys := issuerOf(t, s, secret)
		x.to(m.ServeRevocations)
		until := time.Now().Add(time.Hour)
		for _, entry := range []string{`{"x":1}`, `{"u":1}`, `"text"`, `null`} {
			if ok, err := s.SwapAppend(t.Context(), entry, nil, []byte("x"), "", "", until, []byte(entry), until); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		tokens, gone := issue(t, m, alice), issue(t, m, alice)
		revoke(t, m, sidOf(t, m, gone))
		there := readerOf(t, keys, secret, x)
		verify(t, there, tokens.AccessToken)
		refused(t, there, gone.AccessToken, session.ErrRevoked)
	})
}

// What is wrong with a feed is said when the program starts, without the secret.
func TestFeedConfig(t *testing.T) {
	t.Parallel()
	good, store := feedSecret(), new(memstore.Store)
	for name, c := range map[string]struct {
		feed session.RevocationFeed
		edit func(*session.Config)
		want string // "": it is right
	}{
		"reads":              {session.RevocationFeed{URL: feedURL, Secret: good}, nil, ""},
		"reads, two":         {session.RevocationFeed{URL: feedURL, Secret: good + "," + feedSecret()}, nil, ""},
		"reads here":         {session.RevocationFeed{URL: "http://localhost:1/x?y=z", Secret: good}, nil, ""},
		"serves":             {session.RevocationFeed{Secret: good}, func(cfg *session.Config) { cfg.Store = store }, ""},
		"serves, strict":     {session.RevocationFeed{Secret: good}, func(cfg *session.Config) { cfg.Store, cfg.Revocation = store, session.Strict }, ""},
		"both":               {session.RevocationFeed{URL: feedURL, Secret: good}, func(cfg *session.Config) { cfg.Store = store }, "is for a Manager without Config.Store"},
		"off":                {session.RevocationFeed{URL: feedURL, Secret: good}, notAtAll, "goes with Config.Revocation Cached"},
		"no store":           {session.RevocationFeed{Secret: good}, nil, "needs a URL, or"},
		"store, no feed":     {session.RevocationFeed{Secret: good}, func(cfg *session.Config) { cfg.Store, cfg.Revocation = plain{store}, session.Strict }, "needs a URL, or"},
		"no secret":          {session.RevocationFeed{URL: feedURL}, nil, "Secret is required: make one"},
		"short":              {session.RevocationFeed{URL: feedURL, Secret: good[:31]}, nil, "value 1: the secret is 31 bytes long and needs at least 32"},
		"regular":            {session.RevocationFeed{URL: feedURL, Secret: good + "," + strings.Repeat("ab", 16)}, nil, "value 2: the secret is too regular"},
		"a space":            {session.RevocationFeed{URL: feedURL, Secret: good + " "}, nil, "value 1: it has other characters"},
		"a line break":       {session.RevocationFeed{URL: feedURL, Secret: good + "\n"}, nil, "value 1: it has other characters"},
		"a semicolon":        {session.RevocationFeed{URL: feedURL, Secret: good[:20] + ";" + good[20:]}, nil, "value 1: it has other characters"},
		"an empty one":       {session.RevocationFeed{URL: feedURL, Secret: good + ","}, nil, "value 2: the secret is 0 bytes long"},
		"plain http":         {session.RevocationFeed{URL: "http://id.example.com/", Secret: good}, nil, "use https"},
		"no address":         {session.RevocationFeed{URL: "id.example.com", Secret: good}, nil, "Config.Revocations.URL needs an address"},
		"a user in it":       {session.RevocationFeed{URL: "https://u:" + good + "@id.example.com/", Secret: good}, nil, "takes no user"},
		"everything at once": {session.RevocationFeed{URL: "x", Secret: "y"}, notAtAll, "needs an address"},
	} {
		cfg := session.Config{Keys: ringOf(t, "v1"), Revocations: c.feed}
		if c.edit != nil {
			c.edit(&cfg)
		}
		_, err := session.New(cfg)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), good[:20]) {
			t.Errorf("%s: the secret is in %v", name, err)
		}
		if name == "everything at once" && strings.Count(err.Error(), "Config.Revocation") < 3 {
			t.Errorf("%s: got %v, want every fault", name, err)
		}
	}
}

// plain is a store without a feed.
type plain struct{ session.Store }

// Nothing shows the secret of a feed at either end. A RevocationFeed holds it in the
// clear, as the program gave it, and yet no printer, logger or encoder in usual use
// shows it.
func TestFeedPrinting(t *testing.T) {
	t.Parallel()
	secret := "zy." + feedSecret() // which no hex number begins with by chance
	m, keys := issuerOf(t, new(memstore.Store), secret)
	there := readerOf(t, keys, secret, new(wire))
	for name, v := range map[string]any{"issuer": m, "issuer value": reflect.ValueOf(m).Elem().Interface(), "reader": there, "reader value": reflect.ValueOf(there).Elem().Interface()} {
		findSecret(t, name, printed(v), []byte(secret))
	}
	cfg := session.Config{Revocations: session.RevocationFeed{URL: feedURL, Secret: secret}}
	var b bytes.Buffer
	for _, v := range []any{cfg, &cfg, cfg.Revocations, &cfg.Revocations, []any{cfg}, map[string]any{"k": cfg.Revocations}} {
		for _, verb := range "vdsqxXt" {
			fmt.Fprintf(&b, "%"+string(verb)+" %+"+string(verb)+" %#"+string(verb)+"\n", v, v, v)
		}
		for _, h := range []slog.Handler{slog.NewJSONHandler(&b, nil), slog.NewTextHandler(&b, nil)} {
			slog.New(h).Info("printed", "value", v)
		}
	}
	json.NewEncoder(&b).Encode(map[string]any{"feed": cfg.Revocations})
	findSecret(t, "Config", b.String(), []byte(secret))
	if !strings.Contains(b.String(), `{"feed":"revocation feed"}`) {
		t.Error("a feed does not encode as a fixed word")
	}
}
