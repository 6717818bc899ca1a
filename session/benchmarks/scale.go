package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/sessionring/sessionring/session"
	"github.com/sessionring/sessionring/session/benchmarks/contender"
)

// What the cost of a check is measured against.
var (
	ringSizes   = []int{1, 2, 3, 5, 10, 20, 50, 100}
	tokenSizes  = []int{400, 483, 1000, 2000, 3000}
	claimCounts = []int{0, 1, 2, 4, 8, 16, 32}
)

// scales is the group of the tasks whose tables show how the cost grows.
const scales = "scale"

// processors is how many there are to run on.
func processors() int { return runtime.GOMAXPROCS(0) }

// coreCounts are 1, 2, 4 and so on, up to those that there are.
func coreCounts() (list []int) {
	for n := 1; n < processors(); n *= 2 {
		list = append(list, n)
	}
	return append(list, processors())
}

// scaleTasks adds checks by rings, of tokens and on cores of several sizes.
func scaleTasks(r *results) error {
	keys, err := contender.NewKeys(ringSizes[len(ringSizes)-1])
	if err != nil {
		return err
	}
	first := len(r.Tasks)
	for _, add := range []func(*results, []contender.Key) error{byRing, bySize, byClaims, byCores} {
		if err := add(r, keys); err != nil {
			return err
		}
	}
	for _, t := range r.Tasks[first:] {
		t.Group = scales
	}
	return nil
}

// byRing has rings of several sizes, asked about their newest and their oldest key.
func byRing(r *results, keys []contender.Key) error {
	for _, n := range ringSizes {
		ring, err := contender.Manager(keys[:n], nil)
		if err != nil {
			return err
		}
		for name, key := range map[string]contender.Key{"newest": keys[0], "oldest": keys[n-1]} {
			m, err := contender.Manager([]contender.Key{key}, nil)
			if err != nil {
				return err
			}
			list, err := access(m, distinct, grant())
			if err != nil {
				return err
			}
			r.add(fmt.Sprintf("ring of %d, %s", n, name), list[0], accepting(checkBy(ring), list))
		}
		if err := r.addLegacy(fmt.Sprintf("ring of %d, no kid", n), keys[:n], keys[n-1]); err != nil {
			return err
		}
	}
	return nil
}

// bySize has tokens of several sizes, by one claim that grows.
func bySize(r *results, keys []contender.Key) error {
	m, err := contender.Manager(keys[:1], nil)
	if err != nil {
		return err
	}
	for _, size := range tokenSizes {
		list, err := sized(m, size)
		if err != nil {
			return err
		}
		r.add(fmt.Sprintf("token of %d bytes", size), list[0], accepting(checkBy(m), list))
	}
	return nil
}

// sized returns tokens of about that size.
func sized(m *session.Manager, size int) (list []string, err error) {
	text := ""
	for range 4 { // base64 makes four of three
		if list, err = access(m, distinct, session.Grant{Subject: user.Subject, Claims: map[string]string{"x": text}}); err != nil {
			return nil, err
		}
		text = strings.Repeat("x", max(0, len(text)+(size-len(list[0]))*3/4))
	}
	return list, nil
}

// byClaims has several numbers of custom claims, left as they are and decoded.
func byClaims(r *results, keys []contender.Key) error {
	m, err := contender.Manager(keys[:1], nil)
	if err != nil {
		return err
	}
	for _, n := range claimCounts {
		claims := map[string]string{}
		for i := range n {
			claims[fmt.Sprintf("claim%02d", i)] = "some text"
		}
		list, err := access(m, distinct, session.Grant{Subject: user.Subject, Claims: claims})
		if err != nil {
			return err
		}
		r.add(fmt.Sprintf("%d claims", n), list[0], accepting(checkBy(m), list))
		r.add(fmt.Sprintf("%d claims, decoded", n), list[0], accepting(decodingBy(m), list))
	}
	return nil
}

// decodingBy is a check that asks for the custom claims.
func decodingBy(m *session.Manager) func(string) (any, error) {
	check := checkBy(m)
	return func(token string) (any, error) {
		c, err := check(token)
		if err != nil {
			return nil, err
		}
		claims := map[string]string{}
		return claims, c.(*session.Claims).Decode(&claims)
	}
}

// byCores has several processors at work at once.
func byCores(r *results, keys []contender.Key) error {
	m, err := contender.Manager(keys[:3], nil)
	if err != nil {
		return err
	}
	list, err := access(m, distinct, grant())
	if err != nil {
		return err
	}
	for _, n := range coreCounts() {
		r.add(fmt.Sprintf("%d cores", n), list[0], accepting(checkBy(m), list)).procs = n
	}
	return nil
}
