package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/sessionring/sessionring/session/storetest/drivers/dbserver"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                         "",
		"-list":                    "",
		"-scenario rolling,shared": "",
		"-users 0":                 "-users is 0: use 1 to 1000",
		"-users 1001":              "-users is 1001",
		"-replicas 1":              "-replicas is 1: use 2 to 20",
		"-replicas 21":             "-replicas is 21",
		"-pace -1s":                "-pace is -1s",
		"-store mysql":             `-store is "mysql"`,
		"-scenario rolling,x":      `-scenario names "x"`,
		"rolling":                  `unexpected argument "rolling"`,
	} {
		_, err := parse(strings.Fields(line))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", line, err, want)
		}
	}
}

// Without names, everything is played without a store and little on each other store,
// and nothing that signs people out. What is named is played wherever it can be.
func TestChoose(t *testing.T) {
	t.Parallel()
	none, db := store{name: "stateless"}, store{name: "Redis", server: new(dbserver.Server)}
	for _, c := range []struct {
		args string
		on   stores
		want string
	}{
		{"", stores{none, db}, "stateless rolling stalled canary two-rotations back-in-the-middle back-at-the-end crash revocation file Redis rolling shared"},
		{"-store redis", stores{db}, "Redis rolling stalled canary two-rotations back-in-the-middle back-at-the-end crash revocation file shared"},
		{"-scenario canary,shared", stores{none, db}, "stateless canary Redis canary shared"},
		{"-scenario revocation-no-spare -store none", stores{none}, "stateless revocation-no-spare"},
		{"-scenario shared -store none", stores{none}, ""},
	} {
		o, err := parse(strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range o.choose(c.on) {
			if !slices.Contains(got, x.store.name) {
				got = append(got, x.store.name)
			}
			got = append(got, x.name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: got %q, want %q", c.args, got, c.want)
		}
	}
}
