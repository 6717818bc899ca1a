package examples_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionring/sessionring/session/storetest/drivers"
)

// story is something that happens to servers on one store, which SESSION_STORE names.
type story func(t *testing.T, store string)

func TestOnSQLite(t *testing.T) {
	t.Parallel()
	each(t, map[string]story{
		"killed in the middle":       killed,
		"stolen token":               stolen,
		"store turned on":            adopted,
		"store turned on for Flask":  adoptedLegacy,
		"keyring shared in the file": sharedKeyring,
		"keyring rotated in use":     rotatedShared(2, storedCrowd),
		"KEK rotated in use":         rotatedKEK,
		"devices":                    devices,
		"an administrator":           operated,
		"two who share no key":       estranged,
		"without cookies":            bearer,

		"three tabs at two servers":   threeTabs,
		"replay after logout, strict": replayStrict,
		"replay after logout, cached": replayCached,
	}, func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "sessions.db") })
}

// In memory a session lasts as long as its server, so there is but one.
func TestOnMemory(t *testing.T) {
	t.Parallel()
	each(t, map[string]story{"stolen token": stolen, "devices": devices, "without cookies": bearer}, func(*testing.T) string { return "memory:" })
}

func TestOnPostgres(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartPostgres(t)
	each(t, map[string]story{
		"killed in the middle":              killed,
		"stolen token":                      stolen,
		"devices":                           devices,
		"without cookies":                   bearer,
		"three tabs at two servers":         threeTabs,
		"replay after logout, strict":       replayStrict,
		"replay after logout, cached":       replayCached,
		"store turned on":                   adopted,
		"store turned on for Flask":         adoptedLegacy,
		"store turned on in a live fleet":   turnedOn,
		"servers replaced while in use":     replaced,
		"keyring shared by the whole fleet": sharedKeyring,
		"an administrator":                  operated,
		"two who share no key":              estranged,
		"keyring rotated in use":            rotatedShared(3, liveUsers),
		"KEK rotated in use":                rotatedKEK,
	}, func(t *testing.T) string { return drivers.NewSchema(t, dsn) })
}

func TestOnRedis(t *testing.T) {
	t.Parallel()
	dsn, _ := drivers.StartRedis(t)
	each(t, map[string]story{
		"three tabs at two servers":   threeTabs,
		"stolen token":                stolen,
		"replay after logout, strict": replayStrict,
		"replay after logout, cached": replayCached,
		"devices":                     devices,
		"an administrator":            operated,
		"two who share no key":        estranged,
		"without cookies":             bearer,
		"keyring rotated in use":      rotatedShared(2, storedCrowd),
		"KEK rotated in use":          rotatedKEK,
	}, func(t *testing.T) string { return drivers.NewDatabase(t, dsn) })
}

// each tells every story on a store of its own.
func each(t *testing.T, stories map[string]story, open func(*testing.T) string) {
	for name, tell := range stories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tell(t, open(t))
		})
	}
}

// on returns the environment of servers that share a store and a new key.
func on(store string, more ...string) []string {
	return append([]string{"ANY_USER=1", "SESSION_STORE=" + store, "SESSION_SECRET=" + newSecret()}, more...)
}

// tokens are what a client has that keeps no cookies.
type tokens struct{ access, refresh string }

// signInBearer signs u in and returns its tokens.
func (u *user) signInBearer(t *testing.T, server string) tokens {
	t.Helper()
	body := fmt.Sprintf(`{"username":%q,"password":%q,"transport":"bearer"}`, u.name, u.name)
	r := u.want(t, 200, "POST", server+"/api/auth/login", body)
	return tokens{r.word("access_token"), r.word("refresh_token")}
}

// trade refreshes by a token in the body.
func (u *user) trade(server, refresh string) (reply, tokens, error) {
	r, err := u.send("POST", server+"/api/auth/refresh", `{"refresh_token":"`+refresh+`"}`)
	return r, tokens{r.word("access_token"), r.word("refresh_token")}, err
}

// wantTrade is trade with the status that must come.
func (u *user) wantTrade(t *testing.T, status int, server, refresh string) tokens {
	t.Helper()
	r, next, err := u.trade(server, refresh)
	if err != nil || r.status != status {
		t.Errorf("refresh of %s: got %v, %v, want %d", u.name, r, err, status)
	}
	return next
}

// wantMe asks who holds an access token, with the status that must come.
func (u *user) wantMe(t *testing.T, status int, server, access string) reply {
	t.Helper()
	return u.want(t, status, "GET", server+"/api/me", "", "Authorization", "Bearer "+access)
}

// facts are the claims that all answers to racing refreshes share.
type facts struct {
	SID string `json:"sid"`
	JTI string `json:"jti"`
	Gen int64  `json:"gen"`
	IAT int64  `json:"iat"`
	EXP int64  `json:"exp"`
}

// factsOf reads a token without a check.
func factsOf(token string) (f facts) {
	if parts := strings.Split(token, "."); len(parts) == 3 {
		decodeSegment(parts[1], &f)
	}
	return f
}

// crew does f for 0 to n-1, eight at a time.
func crew(n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// soon is a time in the future, as the environment wants it.
func soon() string { return time.Now().Add(time.Hour).Format(time.RFC3339) }
