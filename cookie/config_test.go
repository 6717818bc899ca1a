package cookie_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionring/sessionring/cookie"
)

type contract interface {
	Token(r *http.Request, kind string, n int) (token string, ok bool)
	Set(w http.ResponseWriter, r *http.Request, access, refresh string, accessUntil, refreshUntil time.Time) error
	Clear(w http.ResponseWriter, r *http.Request)
	Check(r *http.Request) error
}

var _ contract = (*cookie.Policy)(nil) // what session.Cookies asks for

// Scenario 43, D1, D2, D4, D5, D11, D12, E4: contradictions fail at the start.
func TestNewRefusesContradictions(t *testing.T) {
	t.Parallel()
	long := "__Host-" + strings.Repeat("x", 58)
	tests := map[string]struct {
		cfg  cookie.Config
		want string // one of the lines
	}{
		"cross-site without origins":    {cookie.Config{CrossSite: true}, `cookie: CrossSite without Origins: list the pages that may call, such as "https://app.example.com"`},
		"cross-site lax":                {cookie.Config{CrossSite: true, Origins: app, SameSite: http.SameSiteLaxMode}, `cookie: SameSite "Lax" with CrossSite, where browsers send only None: leave SameSite out`},
		"cross-site strict":             {cookie.Config{CrossSite: true, Origins: app, SameSite: http.SameSiteStrictMode}, `cookie: SameSite "Strict" with CrossSite, where browsers send only None: leave SameSite out`},
		"none without cross-site":       {cookie.Config{SameSite: http.SameSiteNoneMode}, `cookie: SameSite "None" without CrossSite: set CrossSite and Origins, or leave SameSite out`},
		"default mode":                  {cookie.Config{SameSite: http.SameSiteDefaultMode}, `cookie: SameSite "Default": use http.SameSiteLaxMode or http.SameSiteStrictMode, or leave it out`},
		"unknown mode":                  {cookie.Config{SameSite: 9}, `cookie: SameSite "9": use http.SameSiteLaxMode or http.SameSiteStrictMode, or leave it out`},
		"negative mode":                 {cookie.Config{SameSite: -1}, `cookie: SameSite "-1": use http.SameSiteLaxMode or http.SameSiteStrictMode, or leave it out`},
		"unpartitioned":                 {cookie.Config{Unpartitioned: true}, "cookie: Unpartitioned without CrossSite: only cross-site cookies are partitioned, leave it out"},
		"local cross-site":              {cookie.Config{InsecureLocal: true, CrossSite: true, Origins: app}, "cookie: InsecureLocal with CrossSite: cross-site cookies must be Secure, choose one"},
		"local domain":                  {cookie.Config{InsecureLocal: true, Domain: "example.com"}, `cookie: InsecureLocal with Domain "example.com": local cookies belong to one host, leave Domain out`},
		"local __Host-":                 {cookie.Config{InsecureLocal: true, AccessName: "__Host-a"}, `cookie: AccessName "__Host-a" needs Secure, which InsecureLocal leaves out: choose a name without "__Host-"`},
		"local __secure-":               {cookie.Config{InsecureLocal: true, RefreshName: "__Secure-r"}, `cookie: RefreshName "__Secure-r" needs Secure, which InsecureLocal leaves out: choose a name without "__Secure-"`},
		"local __Http-":                 {cookie.Config{InsecureLocal: true, RefreshName: "__Http-r"}, `cookie: RefreshName "__Http-r" needs Secure, which InsecureLocal leaves out: choose a name without "__Http-"`},
		"__Host- with domain":           {cookie.Config{Domain: "example.com", AccessName: "__Host-a"}, `cookie: AccessName "__Host-a" cannot have Domain "example.com": use "__Secure-", or leave Domain out`},
		"__HOST-":                       {cookie.Config{AccessName: "__HOST-a"}, `cookie: AccessName "__HOST-a" differs from a prefix only by case, which browsers ignore: write "__Host-"`},
		"__secure- in flask":            {cookie.Config{CrossSite: true, Unpartitioned: true, Origins: app, AccessName: "__secure-a"}, `cookie: AccessName "__secure-a" differs from a prefix only by case, which browsers ignore: write "__Secure-"`},
		"no prefix":                     {cookie.Config{AccessName: "access_token"}, `cookie: AccessName "access_token" can be set by sibling hosts: begin it with "__Host-", or "__Secure-" if there is a Domain`},
		"no prefix, cross-site":         {cookie.Config{CrossSite: true, Origins: app, RefreshName: "refresh_token"}, `cookie: RefreshName "refresh_token" can be set by sibling hosts: begin it with "__Host-", or "__Secure-" if there is a Domain`},
		"space in name":                 {cookie.Config{AccessName: "__Host-a b"}, `cookie: AccessName "__Host-a b" is not a cookie name: use letters, digits, - and _ (RFC 6265, section 4.1.1)`},
		"equals in name":                {cookie.Config{AccessName: "__Host-a=b"}, `cookie: AccessName "__Host-a=b" is not a cookie name: use letters, digits, - and _ (RFC 6265, section 4.1.1)`},
		"non-ASCII name":                {cookie.Config{AccessName: "__Host-ä"}, `cookie: AccessName "__Host-ä" is not a cookie name: use letters, digits, - and _ (RFC 6265, section 4.1.1)`},
		"long name":                     {cookie.Config{AccessName: long}, `cookie: AccessName "` + long + `" has 65 bytes: use at most 64`},
		"partitioned name":              {cookie.Config{CrossSite: true, Origins: app, AccessName: "__Host-a-p"}, `cookie: AccessName "__Host-a-p" ends in "-p", which is appended to partitioned cookies: choose another ending`},
		"plain name like partitioned":   {cookie.Config{AccessName: "__Host-a", RefreshName: "__Host-a-p"}, `cookie: RefreshName "__Host-a-p" ends in "-p", which is appended to partitioned cookies: choose another ending`},
		"equal names":                   {cookie.Config{AccessName: "__Host-a", RefreshName: "__Host-a"}, `cookie: "__Host-a" is an access and a refresh name, here or in Former: give each kind a name of its own`},
		"equal to default":              {cookie.Config{AccessName: "__Host-refresh"}, `cookie: "__Host-refresh" is an access and a refresh name, here or in Former: give each kind a name of its own`},
		"top-level domain":              {cookie.Config{Domain: "com"}, domainFault("", "com")},
		"localhost as domain":           {cookie.Config{Domain: "localhost"}, domainFault("", "localhost")},
		"leading dot":                   {cookie.Config{Domain: ".example.com"}, domainFault("", ".example.com")},
		"trailing dot":                  {cookie.Config{Domain: "example.com."}, domainFault("", "example.com.")},
		"upper-case domain":             {cookie.Config{Domain: "Example.com"}, domainFault("", "Example.com")},
		"IPv4 domain":                   {cookie.Config{Domain: "192.0.2.1"}, domainFault("", "192.0.2.1")},
		"IPv6 domain":                   {cookie.Config{Domain: "::1"}, domainFault("", "::1")},
		"domain with port":              {cookie.Config{Domain: "example.com:8080"}, domainFault("", "example.com:8080")},
		"domain with hyphen":            {cookie.Config{Domain: "-a.example.com"}, domainFault("", "-a.example.com")},
		"domain injection":              {cookie.Config{Domain: "example.com; Path=/x"}, domainFault("", "example.com; Path=/x")},
		"long label":                    {cookie.Config{Domain: strings.Repeat("a", 64) + ".com"}, domainFault("", strings.Repeat("a", 64)+".com")},
		"long domain":                   {cookie.Config{Domain: strings.Repeat("abc.", 64) + "com"}, domainFault("", strings.Repeat("abc.", 64)+"com")},
		"nested former":                 {cookie.Config{Former: []cookie.Config{{}, {Domain: "example.com", Former: []cookie.Config{{}}}}}, "cookie: Former[1]: a former policy has no Former of its own: list all policies side by side"},
		"former domain":                 {cookie.Config{Former: []cookie.Config{{Domain: "com"}}}, domainFault("Former[0]: ", "com")},
		"former name":                   {cookie.Config{Former: []cookie.Config{{AccessName: "a;b"}}}, `cookie: Former[0]: AccessName "a;b" is not a cookie name: use letters, digits, - and _ (RFC 6265, section 4.1.1)`},
		"former __Host- with domain":    {cookie.Config{Former: []cookie.Config{{Domain: "example.com", AccessName: "__Host-a"}}}, `cookie: Former[0]: AccessName "__Host-a" cannot have Domain "example.com": use "__Secure-", or leave Domain out`},
		"former mode":                   {cookie.Config{Former: []cookie.Config{{SameSite: 9}}}, `cookie: Former[0]: SameSite "9": use http.SameSiteLaxMode or http.SameSiteStrictMode, or leave it out`},
		"former name of the other kind": {cookie.Config{Former: []cookie.Config{{AccessName: "__Host-refresh", RefreshName: "r"}}}, `cookie: "__Host-refresh" is an access and a refresh name, here or in Former: give each kind a name of its own`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := cookie.New(test.cfg)
			if p != nil || err == nil {
				t.Fatalf("got %v, %v, want nil and an error", p, err)
			}
			if lines := strings.Split(err.Error(), "\n"); !slices.Contains(lines, test.want) {
				t.Errorf("got %q, want a line %q", lines, test.want)
			}
		})
	}
}

func domainFault(where, domain string) string {
	return "cookie: " + where + "Domain " + `"` + domain + `": give a host name such as "example.com", in lower case, without a dot at either end, and no address or top-level domain`
}

func TestNewReturnsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := cookie.New(cookie.Config{
		Origins: []string{"*", "https://app.example.com/"}, SameSite: http.SameSiteNoneMode, Unpartitioned: true, Domain: "com",
		AccessName: "a", RefreshName: "a", Former: []cookie.Config{{Domain: "org"}},
	})
	if err == nil {
		t.Fatal("got nil, want nine faults")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, line := range lines {
		if !strings.HasPrefix(line, "cookie: ") || strings.Count(line, "cookie: ") != 1 {
			t.Errorf("got %q, want the prefix cookie: once", line)
		}
	}
	// Two origins, SameSite, Unpartitioned, two Domains, two prefixes, one name for both.
	if len(lines) != 9 {
		t.Errorf("got %d faults, want 9:\n%v", len(lines), err)
	}
}

// A name in conflict with several policies is one fault.
func TestNewReportsANameOnce(t *testing.T) {
	t.Parallel()
	_, err := cookie.New(cookie.Config{AccessName: "__Host-x", RefreshName: "__Host-r", Former: []cookie.Config{
		{AccessName: "__Host-x", RefreshName: "__Host-y"}, {AccessName: "__Host-a", RefreshName: "__Host-x"}}})
	if got, want := text(err), `cookie: "__Host-x" is an access and a refresh name, here or in Former: give each kind a name of its own`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for name, cfg := range policies() {
		if _, err := cookie.New(cfg); err != nil {
			t.Errorf("%s: got %v, want nil", name, err)
		}
	}
	// A former policy need not be one that is good to use.
	for name, former := range map[string]cookie.Config{
		"no origins":    {CrossSite: true},
		"unprefixed":    {AccessName: "sid", RefreshName: "rid"},
		"none":          {SameSite: http.SameSiteNoneMode},
		"bad origins":   {Origins: []string{"*"}},
		"local":         {InsecureLocal: true},
		"unpartitioned": {Unpartitioned: true},
	} {
		if _, err := cookie.New(cookie.Config{Former: []cookie.Config{former}}); err != nil {
			t.Errorf("former, %s: got %v, want nil", name, err)
		}
	}
}

// D1, D2, D3, D4, D11, D13; scenario 44 for the local preset.
func TestSetCookieLinesOfEachPreset(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ access, refresh string }{
		"same-site":          {"__Host-access=A; Path=/; HttpOnly; Secure; SameSite=Lax", "__Host-refresh=R; Path=/; HttpOnly; Secure; SameSite=Lax"},
		"strict":             {"__Host-access=A; Path=/; HttpOnly; Secure; SameSite=Strict", "__Host-refresh=R; Path=/; HttpOnly; Secure; SameSite=Strict"},
		"domain":             {"__Secure-access=A; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax", "__Secure-refresh=R; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax"},
		"own names":          {"__Host-a=A; Path=/; HttpOnly; Secure; SameSite=Lax", "__Secure-r=R; Path=/; HttpOnly; Secure; SameSite=Lax"},
		"cross-site":         {"__Host-access-p=A; Path=/; HttpOnly; Secure; SameSite=None; Partitioned", "__Host-refresh-p=R; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"},
		"cross-site, domain": {"__Secure-access-p=A; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=None; Partitioned", "__Secure-refresh-p=R; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=None; Partitioned"},
		"cross-site, names":  {"__Host-a-p=A; Path=/; HttpOnly; Secure; SameSite=None; Partitioned", "__Host-r-p=R; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"},
		"unpartitioned":      {"__Host-access=A; Path=/; HttpOnly; Secure; SameSite=None", "__Host-refresh=R; Path=/; HttpOnly; Secure; SameSite=None"},
		"flask":              {"access_token=A; Path=/; HttpOnly; Secure; SameSite=None", "refresh_token=R; Path=/; HttpOnly; Secure; SameSite=None"},
		"local":              {"local-access=A; Path=/; HttpOnly; SameSite=Lax", "local-refresh=R; Path=/; HttpOnly; SameSite=Lax"},
		"flask, local":       {"access_token=A; Path=/; HttpOnly; SameSite=Lax", "refresh_token=R; Path=/; HttpOnly; SameSite=Lax"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := set(t, newPolicy(t, policies()[name]), "A", "R")
			if diff := cmp.Diff([]string{test.access, test.refresh}, got["Set-Cookie"]); diff != "" {
				t.Errorf("Set-Cookie (-want +got):\n%s", diff)
			}
		})
	}
}

// set returns the header of an answer in which p set session cookies.
func set(t *testing.T, p *cookie.Policy, access, refresh string) http.Header {
	t.Helper()
	w := httptest.NewRecorder()
	if err := p.Set(w, local("POST"), access, refresh, time.Time{}, time.Time{}); err != nil {
		t.Fatalf("Set: %v", err)
	}
	return w.Header()
}

// local returns a request that every policy serves.
func local(method string) *http.Request {
	return httptest.NewRequest(method, "http://"+host+"/", nil)
}

func TestSameSiteIsTheZeroConfig(t *testing.T) {
	t.Parallel()
	p := cookie.SameSite()
	if p == nil {
		t.Fatal("got nil, want a policy")
	}
	if diff := cmp.Diff(set(t, newPolicy(t, cookie.Config{}), "A", "R"), set(t, p, "A", "R")); diff != "" {
		t.Errorf("headers of Config{} and SameSite differ:\n%s", diff)
	}
}

func TestConfigIsCopied(t *testing.T) {
	t.Parallel()
	cfg := cookie.Config{CrossSite: true, Origins: []string{"https://app.example.net"}, Former: []cookie.Config{{}}}
	p := newPolicy(t, cfg)
	cfg.Origins[0] = "https://evil.example"
	cfg.Former[0].AccessName = "other"
	r := local("POST")
	r.Header.Set("Origin", "https://evil.example")
	if err := p.Check(r); err == nil {
		t.Error("got nil, want the origin put in later to be refused")
	}
	r.Header.Set("Cookie", "other=X; __Host-access=Y")
	if diff := cmp.Diff([]string{"Y"}, candidates(p, r, "access")); diff != "" {
		t.Errorf("candidates (-want +got):\n%s", diff)
	}
}

func TestZeroPolicyIsRefused(t *testing.T) {
	t.Parallel()
	var p cookie.Policy
	w, r := httptest.NewRecorder(), local("POST")
	r.Header.Set("Cookie", "=X; __Host-access=Y")
	if got := candidates(&p, r, "access"); got != nil {
		t.Errorf("Token: got %q, want none", got)
	}
	if err := p.Set(w, r, "A", "R", time.Time{}, time.Time{}); err == nil || len(w.Header()) != 0 {
		t.Errorf("Set: got %v and %v, want an error and no header", err, w.Header())
	}
	if p.Clear(w, r); len(w.Header()) != 0 {
		t.Errorf("Clear: got %v, want no header", w.Header())
	}
	r.Header.Set("Origin", "https://evil.example")
	if p.Check(r) == nil {
		t.Error("Check: got nil, want foreign pages refused")
	}
}
