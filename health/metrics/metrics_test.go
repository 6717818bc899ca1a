package metrics_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/metrics"
	"github.com/sessionring/sessionring/internal/race"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/memstore"
)

// service is a server with metrics, whose keys a test changes.
type service struct {
	*session.Manager
	ring     *keyring.Keyring
	health   *health.Handler
	registry *prometheus.Registry

	mu      sync.Mutex
	keys    []keyring.Key
	secrets map[string]string // by tag, base64url
	store   *counted
}

// newService starts one with the keys that words describe, newest first: tags, with a
// "!" in front of one that was made a day ago and ends in a month.
func newService(t *testing.T, words string) *service {
	t.Helper()
	s := &service{secrets: map[string]string{}, store: new(counted)}
	s.set(t, words)
	keys, err := keyring.FromFunc(t.Context(), func(context.Context) ([]keyring.Key, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.keys, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.ring = keys
	if s.Manager, err = session.New(session.Config{Keys: keys, Store: s.store}); err != nil {
		t.Fatal(err)
	}
	s.health = health.New(s.Manager)
	s.registry = prometheus.NewPedanticRegistry()
	s.registry.MustRegister(metrics.New(s.Manager, s.health))
	return s
}

// set changes the keys.
func (s *service) set(t *testing.T, words string) {
	t.Helper()
	var list []string
	for _, word := range strings.Fields(words) {
		tag := strings.TrimPrefix(word, "!")
		if s.secrets[tag] == "" {
			s.secrets[tag] = base64.RawURLEncoding.EncodeToString([]byte(rand.Text() + rand.Text()))
		}
		dates := ""
		if tag != word {
			dates = fmt.Sprintf(`,"iat":%d,"exp":%d`, time.Now().AddDate(0, 0, -1).Unix(), time.Now().AddDate(0, 1, 0).Unix())
		}
		list = append(list, fmt.Sprintf(`{"kty":"oct","kid":"%s","k":"%s"%s}`, tag, s.secrets[tag], dates))
	}
	keys, err := keyring.ParseKeys([]byte(`{"keys":[` + strings.Join(list, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

// run runs the Manager until the test ends.
func (s *service) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	return func() { cancel(); wg.Wait() }
}

// counted is a store that notes how often it is asked for anything.
type counted struct {
	memstore.Store
	mu   sync.Mutex
	asks int
}

func (c *counted) Get(ctx context.Context, id string) ([]byte, time.Time, error) {
	c.mu.Lock()
	c.asks++
	c.mu.Unlock()
	return c.Store.Get(ctx, id)
}

func (c *counted) Count(ctx context.Context) (map[string]int, error) {
	c.mu.Lock()
	c.asks++
	c.mu.Unlock()
	return c.Store.Count(ctx)
}

// values returns what Prometheus would read, by name and labels.
func (s *service) values(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			name := strings.TrimPrefix(f.GetName(), "sessionring_") + "{" + strings.Join(labels, ",") + "}"
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}

// text returns what Prometheus reads.
func (s *service) text(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// play plays ten minutes in which everything happens once, and returns the tokens.
func (s *service) play(t *testing.T) (secrets []string) {
	t.Helper()
	issue := func(subject string) session.Tokens {
		tokens, err := s.Issue(t.Context(), session.Grant{Subject: subject})
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, subject, tokens.AccessToken, tokens.RefreshToken)
		return tokens
	}
	old, gone := issue("subject-alice"), issue("subject-bob")
	s.set(t, "v2 !v1")
	time.Sleep(2 * time.Minute)
	fresh := issue("subject-carol")
	for _, token := range []string{old.AccessToken, fresh.AccessToken, fresh.AccessToken, "x"} {
		s.Verify(t.Context(), token)
	}
	claims, err := s.Verify(t.Context(), gone.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Revoke(t.Context(), "subject-bob", claims.SessionID); err != nil {
		t.Fatal(err)
	}
	s.Verify(t.Context(), gone.AccessToken)
	next, err := s.Refresh(t.Context(), fresh.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Minute)
	if next, err = s.Refresh(t.Context(), next.RefreshToken); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Minute)
	s.Refresh(t.Context(), fresh.RefreshToken)
	s.Refresh(t.Context(), "x")
	s.health.Verdict(httptest.NewRequest("GET", "/", nil))
	time.Sleep(4 * time.Minute)
	return append(secrets, next.AccessToken, next.RefreshToken, claims.SessionID)
}

// The numbers are those of what happened, and nothing that is secret is among them.
func TestNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, "!v1")
		defer s.run(t)()
		secrets := s.play(t)
		got := s.values(t)
		v1, v2 := kid(got, "v1"), kid(got, "v2")
		start := float64(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
		want := map[string]float64{
			"verifications_total{state=current,tag=v2}": 2, "verifications_total{state=previous,tag=v1}": 2,
			"refusals_total{reason=invalid}": 1, "refusals_total{reason=revoked}": 1, "refusals_total{reason=no_token}": 1,
			"sign_ins_total{}": 3, "refreshes_total{cause=choose}": 2,
			"token_reuses_total{cause=reused}": 1, "refresh_refusals_total{reason=reused}": 1, "refresh_refusals_total{reason=invalid}": 1,
			"revocations_total{cause=revoked}": 1, "revocations_total{cause=reuse}": 1,
			"key_events_total{event=keyring_reloaded}": 1, "key_events_total{event=key_activated}": 1, "health_verdicts_total{status=no_token}": 1,
			"tag_last_used_timestamp_seconds{tag=v1}": start + 120, "tag_last_used_timestamp_seconds{tag=v2}": start + 120,
			"key_info{algorithm=HS256,kid=" + v2 + ",state=current,tag=v2}":  1,
			"key_info{algorithm=HS256,kid=" + v1 + ",state=previous,tag=v1}": 1,
			"key_made_timestamp_seconds{kid=" + v1 + ",tag=v1}":              start - 86400,
			"key_retires_timestamp_seconds{kid=" + v1 + ",tag=v1}":           float64(time.Date(2000, 2, 1, 0, 0, 0, 0, time.UTC).Unix()),
			"key_sole_sessions{kid=" + v1 + ",tag=v1}":                       1,
			"live_sessions{tag=v1}":                                          1, "instances{}": 1, "rings{}": 1, "alert_active{alert=store_down}": 0,
		}
		for name, v := range want {
			if g, ok := got[name]; !ok || g != v {
				t.Errorf("%s: got %v (%v), want %v", name, g, ok, v)
			}
		}
		for name, v := range got { // of what did not happen, nothing is counted
			if _, ok := want[name]; !ok && v != 0 && !strings.Contains(name, "timestamp") && !strings.HasPrefix(name, "keyring_reloads_total") {
				t.Errorf("%s: got %v, want 0", name, v)
			}
		}
		if n := got["keyring_reloads_total{result=ok}"]; n < 9 || n > 13 {
			t.Errorf("got %v reloads in ten minutes, want one a minute", n)
		}
		text := s.text(t)
		for _, secret := range append(secrets, s.secrets["v1"], s.secrets["v2"]) {
			if strings.Contains(text, secret) && secret != "" {
				t.Errorf("the metrics show %q", secret)
			}
		}
	})
}

// kid returns the kid of a tag.
func kid(values map[string]float64, tag string) string {
	for name := range values {
		if rest, ok := strings.CutPrefix(name, "key_info{algorithm=HS256,kid="+tag); ok {
			return tag + rest[:strings.Index(rest, ",")]
		}
	}
	return "no kid of " + tag
}

// A scrape asks the store nothing, however often and however many records there are.
func TestScrapeAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, "v1")
		stop := s.run(t)
		time.Sleep(3 * time.Minute)
		stop()
		before := s.store.asks
		for range 100 {
			s.values(t)
		}
		if before == 0 || s.store.asks != before {
			t.Errorf("got %d questions to the store before a hundred scrapes and %d after them", before, s.store.asks)
		}
	})
}

// Whatever tokens say and however many keys come and go, there are few labels, and the
// keys that are held have theirs.
func TestBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, "v0")
		defer s.run(t)()
		most, tags := 0, 100
		if race.Enabled { // which sees the same in each round
			tags = 30
		}
		for n := range tags {
			s.set(t, fmt.Sprintf("v%d", n))
			time.Sleep(3 * time.Minute)
			tokens, err := s.Issue(t.Context(), session.Grant{Subject: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			s.Verify(t.Context(), tokens.AccessToken)
			head, rest, _ := strings.Cut(tokens.AccessToken, ".")
			header, _ := base64.RawURLEncoding.DecodeString(head)
			hostile := strings.Replace(string(header), fmt.Sprintf(`"kid":"v%d.`, n), fmt.Sprintf(`"kid":"evil%d.X`, n), 1)
			s.Verify(t.Context(), base64.RawURLEncoding.EncodeToString([]byte(hostile))+"."+rest)
			got := s.values(t)
			most = max(most, len(got))
			if got[fmt.Sprintf("verifications_total{state=current,tag=v%d}", n)] != 1 {
				t.Errorf("v%d: a tag that is held has no count of its own: %v", n, got)
			}
			for name := range got {
				if strings.Contains(name, "evil") {
					t.Errorf("a token made the label %s", name)
				}
			}
		}
		if most > 250 {
			t.Errorf("got up to %d series, want few", most)
		}
	})
}

// Far more keys than labels are all counted.
func TestManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var words []string
		for n := range 50 {
			words = append(words, fmt.Sprintf("v%d", n))
		}
		s := newService(t, strings.Join(words, " "))
		defer s.run(t)()
		for n := range 50 { // every key once alone, as if it were the only one
			all := s.keys
			s.replace(t, all[n:n+1])
			tokens, err := s.Issue(t.Context(), session.Grant{Subject: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			s.replace(t, all)
			if _, err := s.Verify(t.Context(), tokens.AccessToken); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Minute)
		sum := map[string]float64{}
		for name, v := range s.values(t) {
			family, labels, _ := strings.Cut(name, "{")
			sum[family] += v
			if strings.Contains(labels, "tag=other") {
				sum["other "+family] += v
			}
		}
		if sum["key_info"] != 32 || sum["verifications_total"] != 50 || sum["other verifications_total"] != 18 || sum["live_sessions"] != 50 || sum["other live_sessions"] != 18 {
			t.Errorf("got %v, want 32 keys, and 50 checks and sessions, 18 of them under other", sum)
		}
	})
}

// replace changes the keys at once.
func (s *service) replace(t *testing.T, keys []keyring.Key) {
	t.Helper()
	s.mu.Lock()
	s.keys = keys
	s.mu.Unlock()
	if err := s.ring.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Before the first sample, and without Run, only what is counted here is shown.
func TestWithoutRun(t *testing.T) {
	s := newService(t, "v1")
	s.Verify(t.Context(), "x")
	got := s.values(t)
	maps.DeleteFunc(got, func(_ string, v float64) bool { return v == 0 })
	if diff := cmp.Diff(map[string]float64{"refusals_total{reason=invalid}": 1}, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// Two Managers of one program have metrics of their own, and a health handler is not
// required.
func TestTwoManagers(t *testing.T) {
	a, b := newService(t, "v1"), newService(t, "v1")
	registry := prometheus.NewRegistry()
	for name, s := range map[string]*service{"a": a, "b": b} {
		prometheus.WrapRegistererWith(prometheus.Labels{"service": name}, registry).MustRegister(metrics.New(s.Manager, nil))
	}
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}
