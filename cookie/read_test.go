package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
)

// D9, D12, scenarios 42 and 50, and the cookie lines of the attack table: what of
// a Cookie header is a candidate for an access token.
func TestToken(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("__Host-access=x; ", 9)
	tests := map[string]struct {
		lines []string
		want  []string
	}{
		"none":                      {nil, nil},
		"one":                       {[]string{"__Host-access=A"}, []string{"A"}},
		"among others":              {[]string{"a=b; __Host-access=A; __Host-refresh=R; c=d"}, []string{"A"}},
		"no space":                  {[]string{"a=b;__Host-access=A;c=d"}, []string{"A"}},
		"tab and spaces":            {[]string{"a=b;\t  __Host-access=A \t; c=d"}, []string{"A"}},
		"two, stale first":          {[]string{"__Host-access=OLD; __Host-access=NEW"}, []string{"OLD", "NEW"}},
		"two lines":                 {[]string{"__Host-access=OLD; a=b", "c=d; __Host-access=NEW"}, []string{"OLD", "NEW"}},
		"empty line":                {[]string{"", "__Host-access=A"}, []string{"A"}},
		"quoted is literal":         {[]string{`__Host-access="A"`}, []string{`"A"`}},
		"garbage is literal":        {[]string{"__Host-access=\x00\xff=; "}, []string{"\x00\xff="}},
		"equals in value":           {[]string{"__Host-access=A=B"}, []string{"A=B"}},
		"comma is no separator":     {[]string{"a=b,__Host-access=A"}, nil},
		"empty value":               {[]string{"__Host-access=; __Host-access=A"}, []string{"A"}},
		"no equals sign":            {[]string{"__Host-access; __Host-access"}, nil},
		"nameless":                  {[]string{"=__Host-access=A"}, nil},
		"nameless value":            {[]string{"=A; A"}, nil},
		"other case":                {[]string{"__host-access=A; __HOST-ACCESS=B"}, nil},
		"longer name":               {[]string{"__Host-access-p=A; __Host-access2=B; x__Host-access=C"}, nil},
		"shorter name":              {[]string{"__Host-acces=A"}, nil},
		"plain name":                {[]string{"access=A; access_token=B; local-access=C"}, nil},
		"space before equals":       {[]string{"__Host-access =A"}, nil},
		"unicode space":             {[]string{"\u2000__Host-access=A; \u00a0__Host-access=B; \u0085__Host-access=C"}, nil},
		"$Version":                  {[]string{`$Version=1, __Host-access=A; $Path=/`}, nil},
		"newline in value":          {[]string{"a=b\n__Host-access=A"}, nil},
		"at most eight":             {[]string{many}, []string{"x", "x", "x", "x", "x", "x", "x", "x"}},
		"more than 3000 (GO-4012)":  {[]string{strings.Repeat("a=b; ", 5000) + "__Host-access=A"}, []string{"A"}},
		"only separators":           {[]string{";;; ; ;", "  "}, nil},
		"refresh is another cookie": {[]string{"__Host-refresh=R"}, nil},
	}
	p := cookie.SameSite()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{Header: http.Header{"Cookie": test.lines}}
			if diff := cmp.Diff(test.want, candidates(p, r, "access")); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTokenOfOtherKindsAndPlaces(t *testing.T) {
	t.Parallel()
	r := local("GET")
	r.Header.Set("Cookie", "__Host-access=A; __Host-refresh=R")
	tests := []struct {
		kind string
		n    int
		want string
		ok   bool
	}{
		{"access", 0, "A", true},
		{"refresh", 0, "R", true},
		{"access", 1, "", false},
		{"access", -1, "", false},
		{"refresh", 1 << 40, "", false},
		{"Access", 0, "", false},
		{"reset", 0, "", false},
		{"", 0, "", false},
	}
	for _, test := range tests {
		got, ok := cookie.SameSite().Token(r, test.kind, test.n)
		if got != test.want || ok != test.ok {
			t.Errorf("Token(%q, %d): got %q, %v, want %q, %v", test.kind, test.n, got, ok, test.want, test.ok)
		}
	}
}

// A policy reads what it sets, and only that.
func TestTokenReadsOwnNamesOnly(t *testing.T) {
	t.Parallel()
	all := "__Host-access=1; __Host-access-p=2; __Secure-access=3; __Secure-access-p=4; local-access=5; access_token=6; access_token-p=7; __Host-a=8; __Host-a-p=9"
	for name, want := range map[string]string{
		"same-site": "1", "cross-site": "2", "domain": "3", "cross-site, domain": "4", "local": "5", "flask": "6", "flask, local": "6",
		"unpartitioned": "1", "own names": "8", "cross-site, names": "9",
	} {
		r := local("GET")
		r.Header.Set("Cookie", all)
		if diff := cmp.Diff([]string{want}, candidates(newPolicy(t, policies()[name]), r, "access")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A changed policy signs nobody out, and a sibling host cannot use it to pass its
// own session off as that of the user.
func TestTokenOfFormerPolicies(t *testing.T) {
	t.Parallel()
	former := []cookie.Config{
		{CrossSite: true, Unpartitioned: true, AccessName: "access_token", RefreshName: "refresh_token"},
		{CrossSite: true},
		{AccessName: "access_token", RefreshName: "refresh_token", Domain: "example.com"},
		{InsecureLocal: true},
	}
	p := newPolicy(t, cookie.Config{Former: former})
	tests := map[string]struct {
		header          string
		access, refresh []string
	}{
		"only former":                    {"access_token=A; refresh_token=R", []string{"A"}, []string{"R"}},
		"own first, in the listed order": {"__Host-access-p=P; access_token=F; __Host-access=O", []string{"O", "F", "P"}, nil},
		"two of each":                    {"access_token=F1; __Host-access=O1; access_token=F2; __Host-access=O2", []string{"O1", "O2", "F1", "F2"}, nil},
		"planted beside own refresh":     {"access_token=EVIL; __Host-refresh=R", nil, []string{"R"}},
		"planted beside own pair":        {"access_token=EVIL; __Host-access=A; __Host-refresh=R", []string{"A"}, []string{"R"}},
		"host-bound beside own refresh":  {"__Host-access-p=P; __Host-refresh=R", []string{"P"}, []string{"R"}},
		"refresh not moved yet":          {"__Host-access=A; refresh_token=R", []string{"A"}, []string{"R"}},
		"all refresh candidates":         {"refresh_token=F; __Host-refresh=O", nil, []string{"O", "F"}},
		"local is not read":              {"local-access=A; local-refresh=R", nil, nil},
		"variant never set is not read":  {"access_token-p=A; __Host-refresh=R", nil, []string{"R"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := local("GET")
			r.Header.Set("Cookie", test.header)
			if diff := cmp.Diff(test.access, candidates(p, r, "access")); diff != "" {
				t.Errorf("access (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.refresh, candidates(p, r, "refresh")); diff != "" {
				t.Errorf("refresh (-want +got):\n%s", diff)
			}
		})
	}
	r := local("GET")
	r.Header.Set("Cookie", "a=A")
	if diff := cmp.Diff([]string{"A"}, candidates(newPolicy(t, policies()["local, former local"]), r, "access")); diff != "" {
		t.Errorf("local reads former local (-want +got):\n%s", diff)
	}
}

func usualRequest() *http.Request {
	r := httptest.NewRequest("GET", "https://api.example.com/", nil)
	r.Header.Set("Cookie", "theme=dark; __Host-access="+strings.Repeat("a", 600)+"; __Host-refresh="+strings.Repeat("r", 600))
	return r
}

// Not parallel: AllocsPerRun counts for the whole process.
func TestTokenDoesNotAllocate(t *testing.T) {
	r := usualRequest()
	for name, cfg := range map[string]cookie.Config{"same-site": {}, "former": policies()["former flask"]} {
		p := newPolicy(t, cfg)
		got := testing.AllocsPerRun(100, func() {
			p.Token(r, "access", 0)
			p.Token(r, "refresh", 0)
			p.Token(r, "access", 1)
		})
		if got != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, got)
		}
	}
}

func BenchmarkToken(b *testing.B) {
	p, r := cookie.SameSite(), usualRequest()
	b.ReportAllocs()
	for b.Loop() {
		p.Token(r, "access", 0)
	}
}

var simpleHeader = regexp.MustCompile(`^[\w-]+=[!#-+.-:<-\[\]-~]+(; [\w-]+=[!#-+.-:<-\[\]-~]+)*$`)

// FuzzToken holds the reading of Cookie headers to properties, and to what
// net/http makes of headers in which nothing is odd.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{
		"__Host-access=A", "a=b; __Host-access=A; __Host-refresh=R; __Host-access=B", "__Host-access=A\n__Host-access=B", `__Host-access="A"`,
		"__Host-access", "=__Host-access=A", "__Host-access=;;;", " __Host-access =A", "\u2000__Host-access=A", strings.Repeat("__Host-access=x; ", 9),
	} {
		f.Add(seed)
	}
	p := cookie.SameSite()
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Cookie": strings.Split(header, "\n")}}
		for _, kind := range []string{"access", "refresh"} {
			name := "__Host-" + kind
			got := candidates(p, r, kind)
			if len(got) > 8 {
				t.Errorf("got %d candidates, want at most 8", len(got))
			}
			for _, value := range got {
				if value == "" || strings.Contains(value, ";") || !strings.Contains(header, name+"="+value) {
					t.Errorf("got %q, want a value of %s in the header", value, name)
				}
			}
			if !simpleHeader.MatchString(header) {
				continue
			}
			var want []string
			for _, c := range r.CookiesNamed(name) {
				want = append(want, c.Value)
			}
			if diff := cmp.Diff(want[:min(len(want), 8)], got); diff != "" {
				t.Errorf("unlike net/http (-want +got):\n%s", diff)
			}
		}
	})
}
