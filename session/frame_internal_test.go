package session

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDates: dates are written as numbers are, and read as they were written.
func TestDates(t *testing.T) {
	t.Parallel()
	dates := []int64{0, 1, 999_999_999, 1_000_000_000, 1_000_000_001, 1_900_000_000, 9_999_999_999, 10_000_000_000, farFuture.Unix(), -1}
	for range 100_000 {
		dates = append(dates, 1e9+rand.Int64N(9e9))
	}
	for digit := int64(1); digit < 1e9; digit *= 10 {
		for n := range int64(10) {
			dates = append(dates, 1_000_000_000+n*digit, 9_999_999_999-n*digit)
		}
	}
	for _, n := range dates {
		text := builder("x").date(time.Unix(n, 999))
		if want := "x" + strconv.FormatInt(n, 10); string(text) != want {
			t.Fatalf("got %s, want %s", text, want)
		}
		if len(text) != len("x")+dateLen {
			continue
		}
		if got, ok := tenDigits(text[1:]); !ok || got != n {
			t.Fatalf("%s: got %d, %v", text, got, ok)
		}
	}
}

// TestTenDigits: nothing but a digit is one, wherever it stands.
func TestTenDigits(t *testing.T) {
	t.Parallel()
	for at := range dateLen {
		for c := range 256 {
			text := []byte("1234567890")
			text[at] = byte(c)
			want, err := strconv.ParseUint(string(text), 10, 64)
			good := err == nil && text[0] != '0'
			if got, ok := tenDigits(text); ok != good || ok && got != int64(want) {
				t.Errorf("%q: got %d, %v, want %v", text, got, ok, good)
			}
		}
	}
}

// TestBare: what is bare is what encoding/json writes as it is, wherever it stands.
func TestBare(t *testing.T) {
	t.Parallel()
	for size := range 20 {
		for at := range size {
			for c := range 256 {
				text := []byte(strings.Repeat("x", size))
				text[at] = byte(c)
				written, _ := json.Marshal(string(text))
				if want := string(written) == `"`+string(text)+`"` && c < 0x7f; bare(string(text)) != want {
					t.Fatalf("%q: got %v, want %v", text, !want, want)
				}
			}
		}
	}
}
