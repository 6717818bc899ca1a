package ring_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/sessionring/sessionring/internal/ring"
	"github.com/sessionring/sessionring/internal/strictjson"
)

// dates are NumericDates and what they mean; a zero time: refused (A15, A16).
var dates = map[string]time.Time{
	"0":                      time.Unix(0, 0),
	"1":                      time.Unix(1, 0),
	"1900000000":             time.Unix(1900000000, 0),
	"1900000000.5":           time.Unix(1900000000, 5e8),
	"1900000000.0":           time.Unix(1900000000, 0),
	"1.9e9":                  time.Unix(1900000000, 0),
	"19E8":                   time.Unix(1900000000, 0),
	"0.25":                   time.Unix(0, 25e7),
	"1e-400":                 time.Unix(0, 0),
	"253402300799":           time.Unix(253402300799, 0), // the end of the year 9999
	"253402300799.5":         {},
	"253402300800":           {},
	"-1":                     {},
	"-0":                     {},
	"-1e-400":                {},
	"1e19":                   {},
	"9223372036854775807":    {},
	"9223372036854775808":    {},
	"1e400":                  {},
	"1e308":                  {},
	"":                       {},
	`"1900000000"`:           {},
	`"2030-01-01T00:00:00Z"`: {},
	"null":                   {},
	"true":                   {},
	"[1900000000]":           {},
	"{}":                     {},
	"NaN":                    {},
	"Infinity":               {},
	" 1":                     {},
}

func TestDate(t *testing.T) {
	t.Parallel()
	for raw, want := range dates {
		got, ok := ring.Date(json.RawMessage(raw))
		if ok == want.IsZero() || !got.Equal(want) {
			t.Errorf("Date(%s): got %v, %v, want %v", raw, got, ok, want)
		}
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]int64{
		`{"exp":7}`: 7, `{"iat":1,"exp":7}`: 7, `{"\u0065xp":7}`: 7,
		`{}`: -1, `{"EXP":7}`: -1, `{"exp":"7"}`: -1, `{"exp":null}`: -1, `{"exp":1e400}`: -1, `{"x":{"exp":7}}`: -1,
	} {
		members, err := strictjson.Object([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := ring.Expiry(members)
		if ok != (want >= 0) || ok && got.Unix() != want {
			t.Errorf("Expiry(%s): got %v, %v, want %d", payload, got, ok, want)
		}
	}
}
