package session_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/session"
)

var update = flag.Bool("update", false, "write the tokens of this release to testdata")

// vectors are tokens of one release, issued at the beginning of the year 2000.
type vectors struct {
	Alone, Cosigned session.Tokens // by v1; by v2, co-signed by v1 and v0
	Purpose         string         // password-reset, by v2, co-signed by v1
	Legacy          string         // an access token of the Flask system, by v1
}

const vectorFile = "tokens-v1.json"

// Tokens issued by any release are good in every later one of the same major
// version. The files are written once, with -update, and never again.
func TestVectors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if *update {
			writeVectors(t)
		}
		data, err := os.ReadFile(filepath.Join("testdata", vectorFile))
		if err != nil {
			t.Fatal(err)
		}
		var v vectors
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for _, c := range []struct {
			keys   string
			tokens session.Tokens
		}{{"v1", v.Alone}, {"v3 v1", v.Alone}, {"v2", v.Cosigned}, {"v1", v.Cosigned}, {"v3 v0", v.Cosigned}} {
			m := managerOf(t, c.keys)
			got := verify(t, m, c.tokens.AccessToken)
			var app appClaims
			if err := got.Decode(&app); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(appClaims{"acme", []string{"admin"}}, app); diff != "" || got.Subject != "alice" || got.Actor != "bob" {
				t.Errorf("%s: got %+v, want alice by bob; claims (-want +got):\n%s", c.keys, got, diff)
			}
			refresh(t, m, c.tokens)
		}
		for _, keys := range []string{"v2", "v1"} {
			p := managerOf(t, keys).Purpose("password-reset", time.Hour)
			if got, err := p.Verify(t.Context(), v.Purpose); err != nil || got.Subject != "alice" {
				t.Errorf("%s: got %v, %v, want a token for alice", keys, got, err)
			}
		}
		// The derived session id must never change: it names a session from one refresh
		// to the next.
		legacy := verify(t, managerOf(t, "v1", takingOver), v.Legacy)
		mac := hs256(derive(secretOf("v1"), "sessionring legacy session v1", 32), `["alice",946684800,946685700,"access"]`)
		if want := b64(mac[:16]); legacy.SessionID != want || legacy.Subject != "alice" {
			t.Errorf("got the session %q of %q, want %q of alice", legacy.SessionID, legacy.Subject, want)
		}
	})
}

func writeVectors(t *testing.T) {
	g := session.Grant{Subject: "alice", Actor: "bob", Claims: appClaims{"acme", []string{"admin"}}}
	data, err := json.MarshalIndent(vectors{
		Alone:    issue(t, managerOf(t, "v1"), g),
		Cosigned: issue(t, managerOf(t, "v2 v1 v0"), g),
		Purpose:  issueFor(t, managerOf(t, "v2 v1").Purpose("password-reset", time.Hour), "alice", nil),
		Legacy:   forge("v1", legacyHeader, legacyOf()),
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", vectorFile), append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
