package metrics_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sessionring/sessionring/health"
	"github.com/sessionring/sessionring/health/metrics"
	"github.com/sessionring/sessionring/keyring"
	"github.com/sessionring/sessionring/session"
)

// A server shows its metrics on an address that Prometheus reaches and users do not.
// Here it has accepted one access token, and refused two.
func ExampleNew() {
	secret := sha256.Sum256([]byte("for this example only"))
	key, err := keyring.NewKey("v1", secret[:])
	if err != nil {
		log.Fatal(err)
	}
	keys, err := keyring.New(key) // keyring.FromEnv() in a program
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(session.Config{Keys: keys})
	if err != nil {
		log.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(sessions, health.New(sessions)))
	private := http.NewServeMux()
	private.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))

	tokens, err := sessions.Issue(context.Background(), session.Grant{Subject: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	for _, token := range []string{tokens.AccessToken, "no token", tokens.RefreshToken} {
		sessions.Verify(context.Background(), token)
	}
	w := httptest.NewRecorder()
	private.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if !strings.HasPrefix(line, "#") && !strings.HasSuffix(line, " 0\n") && !strings.Contains(line, "timestamp") {
			fmt.Print(line)
		}
	}
	// Output:
	// sessionring_refusals_total{reason="invalid"} 2
	// sessionring_sign_ins_total 1
	// sessionring_verifications_total{state="current",tag="v1"} 1
}
