package examples_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/keyring"
)

// verifying returns the addresses of the two services that verify, once they are
// printed.
func (p *process) verifying(t *testing.T) []string {
	t.Helper()
	var found []string
	eventually(t, "both services are announced", func() bool {
		for _, m := range regexp.MustCompile(`(http://\S+) with (?:this library|golang-jwt)\n`).FindAllStringSubmatch(p.out.String(), -1) {
			found = append(found, m[1])
		}
		return len(found) == 2
	})
	return found
}

// What the issuer's key signs is good at both services; nothing else is.
func TestJWKS(t *testing.T) {
	t.Parallel()
	p := start(t, "jwks")
	services := p.verifying(t)
	alice := newUser("demo")
	in := alice.want(t, 200, "POST", p.url+"/api/auth/login", `{"username":"demo","password":"demo","transport":"bearer"}`)
	set := alice.want(t, 200, "GET", p.url+"/.well-known/jwks.json", "")
	if !strings.Contains(set.text, `"crv":"Ed25519"`) || strings.Contains(set.text, `"d"`) {
		t.Errorf("got %s, want the public half of a key", set.text)
	}
	for _, s := range services {
		ask := func(status int, token string) reply {
			t.Helper()
			return alice.want(t, status, "GET", s+"/api/me", "", "Authorization", "Bearer "+token)
		}
		if r := ask(200, in.word("access_token")); r.word("subject") != "demo" || r.word("token_version") != "v1" {
			t.Errorf("%s: got %s, want demo by v1", s, r.text)
		}
		ask(401, in.word("refresh_token"))
		good := in.word("access_token")
		ask(401, good[:len(good)-20]+strings.Repeat("A", 20))
		alice.want(t, 401, "GET", s+"/api/me", "")
	}
	p.stop(t)
	if _, err := keyring.FromFile(filepath.Join(p.cmd.Dir, "data/signing.json")); err != nil {
		t.Error(err)
	}
}

// The lines that the command prints show what they promise.
func TestJWKSLines(t *testing.T) {
	t.Parallel()
	installed(t, "curl")
	p := start(t, "jwks")
	p.verifying(t)
	eventually(t, "the lines are printed", func() bool { return strings.Contains(p.out.String(), "rotate:") })
	_, lines, _ := strings.Cut(p.out.String(), "look:\n")
	lines, _, _ = strings.Cut(lines, "rotate:")
	out := output(t, lines)
	_, out, _ = strings.Cut(out, "\n") // the set of keys
	answers := regexp.MustCompile(`"subject":"demo"|"error":"revoked"`).FindAllString(out, -1)
	want := []string{`"subject":"demo"`, `"subject":"demo"`, `"error":"revoked"`, `"subject":"demo"`}
	if !slices.Equal(answers, want) {
		t.Errorf("got %q from %s, want %q: only the service with the feed hears of the sign-out", answers, out, want)
	}
}

// rotatedJWKS plays the rotation and returns, for each service, how many requests were
// answered, refused, and let in before the service had the key.
func rotatedJWKS(t *testing.T, status int, args ...string) map[string][3]int {
	t.Helper()
	cmd := command(t, "jwks", nil)
	cmd.Args = append(cmd.Args, append([]string{"-rotate"}, args...)...)
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("%v: got exit status %d, want %d:\n%s", args, got, status, out)
	}
	counts := map[string][3]int{}
	for _, m := range regexp.MustCompile(`(?m)^(issuer|sessionring|golang-jwt) +(\d+) +(\d+) +(\d+)$`).FindAllStringSubmatch(string(out), -1) {
		var n [3]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+2])
		}
		counts[m[1]] = n
	}
	if len(counts) != 3 || counts["issuer"][0] < 24 || counts["sessionring"][0] < 100 || counts["golang-jwt"][0] < 100 {
		t.Fatalf("got %s, want the counts of three services under load", out)
	}
	return counts
}

// A rotation of the signing key under load refuses nobody. The service with this library
// lets in tokens of the new key before it has fetched it.
func TestJWKSRotation(t *testing.T) {
	t.Parallel()
	got := rotatedJWKS(t, 0)
	for service, n := range got {
		if n[1] != 0 {
			t.Errorf("%s refused %d requests, want 0", service, n[1])
		}
	}
	if got["sessionring"][2] == 0 {
		t.Errorf("got %v, want tokens let in by their co-signatures", got)
	}
}

// Without a lead, a service that does not know co-signatures refuses tokens of the new
// key, so the test above could fail; the one that does refuses none.
func TestJWKSRotationWithoutLead(t *testing.T) {
	t.Parallel()
	got := rotatedJWKS(t, 1, "-lead", "0s", "-fetch", "1m")
	if got["golang-jwt"][1] == 0 || got["sessionring"][1] != 0 || got["sessionring"][2] == 0 || got["issuer"][1] != 0 {
		t.Errorf("got %v, want refusals by golang-jwt alone", got)
	}
}

func TestJWKSCommandLine(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{"-lead -1s": "jwks: -lead and -fetch cannot be negative\n", "now": "jwks: \"now\" is no flag: see -h\n"} {
		cmd := command(t, "jwks", nil)
		cmd.Args = append(cmd.Args, strings.Fields(args)...)
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || string(out) != want {
			t.Errorf("%s: got exit status %d and %q, want 2 and %q", args, cmd.ProcessState.ExitCode(), out, want)
		}
	}
	cmd := command(t, "jwks", []string{"ADDR=0.0.0.0:0"})
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "is not loopback") {
		t.Errorf("got exit status %d and %q, want no demo accounts for all the world", cmd.ProcessState.ExitCode(), out)
	}
}
