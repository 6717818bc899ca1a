package main

import (
	"fmt"
	"math"
	"strings"
)

// bound is something that the project has set itself, and what was measured of it.
type bound struct {
	What, Want, Got string
	Kept            bool
	Open            bool // nothing is set
}

// bounds judges all of them.
func (r *results) bounds() []bound {
	list := []bound{
		r.cost("verify, newest key of three", "verify, newest key", 4, 2, 400),
		r.cost("verify, second key", "verify, second key", 4, 2, 400),
		r.cost("verify, oldest key", "verify, oldest key", 4, 2, 400),
		r.more("each wrong key tried for a token without a kid", "no kid, newest key", "no kid, oldest key", 2, 1.5),
		r.cost("forged signature", "forged signature", 1.5, 0, none),
		r.time("garbage", "garbage", 100),
		r.time("garbage of three parts", "garbage of three parts", 100),
		r.time("foreign header", "foreign header", 100),
		r.cost("issue, one key: a token of the two of a sign-in", "issue, 1 key", 4, 1, none),
		r.cost("issue, one key: a purpose token", "purpose token, 1 key", 4, 1, none),
		r.more("each co-signature of a sign-in", "issue, 1 key", "issue, 4 keys", 3, 2),
		r.more("each co-signature of a purpose token", "purpose token, 1 key", "purpose token, 4 keys", 3, 2),
		r.cost("verify by co-signature", "verify by co-signature", 6, 3, none),
		r.request(6, 5),
		r.within("verify, EdDSA", "bare ed25519.Verify", 1.1),
		r.time("verify, EdDSA, seen before", "verify, EdDSA, seen before", 300),
	}
	for _, op := range []string{opVerify, opIssue} {
		list = append(list, r.against("golang-jwt v5", op, 5), r.against("cristalhq/jwt v4", op, 5), r.against("jwx v2, jwt.Parse", op, 15))
	}
	return append(list, r.extra("verify, custom claims decoded", "sessionring, custom claims decoded", opVerify))
}

const none = math.MaxInt

// cost is a bound on time, in times the reference, on allocations and on bytes.
func (r *results) cost(what, op string, times, allocs, bytes float64) bound {
	return judge(what, r.find(own, own, op), times, allocs, bytes)
}

func judge(what string, t *task, times, allocs, bytes float64) bound {
	b := bound{What: what, Want: fmt.Sprintf("%g x, %s", times, count(allocs))}
	b.Got = fmt.Sprintf("%.2f x (quickest turns %.2f x), %s", t.ratio(), t.least(), count(t.Allocs))
	b.Kept = t.ratio() <= times && t.Allocs <= allocs && t.Bytes <= bytes
	if bytes != none {
		b.Want += fmt.Sprintf(", %g B", bytes)
		b.Got += fmt.Sprintf(", %g B", t.Bytes)
	}
	return b
}

func count(allocs float64) string {
	if allocs == 1 {
		return "1 allocation"
	}
	return fmt.Sprintf("%.3g allocations", allocs)
}

// more is a bound on what each of n steps from one operation to another adds. The steps
// are free of allocations.
func (r *results) more(what, from, to string, n int, times float64) bound {
	a, b := r.find(own, own, from), r.find(own, own, to)
	larger := b.Reference / a.Reference // what b has in times of its own reference, in times of that of a
	var added []float64
	for i := range a.Ratios {
		added = append(added, (b.Ratios[i]*larger-a.Ratios[i])/float64(n))
	}
	allocs := (b.Allocs - a.Allocs) / float64(n)
	return bound{
		What: what, Want: fmt.Sprintf("%g x more, 0 allocations", times),
		Got: fmt.Sprintf("%.2f x more, %s", median(added), count(allocs)), Kept: median(added) <= times && allocs <= 0,
	}
}

// time is a bound on nanoseconds, without allocations.
func (r *results) time(what, op string, nanos float64) bound {
	t := r.find(own, own, op)
	return bound{
		What: what, Want: fmt.Sprintf("%g ns, 0 allocations", nanos),
		Got: fmt.Sprintf("%.0f ns, %s", t.cost(), count(t.Allocs)), Kept: t.cost() <= nanos && t.Allocs == 0,
	}
}

// request is the bound on a whole request.
func (r *results) request(times, allocs float64) bound {
	return judge("request, cookie to handler, ended sessions refused", r.find(beside, own, opMiddleware), times, allocs, none)
}

// within is a bound on what one operation costs in times of another.
func (r *results) within(op, other string, times float64) bound {
	is := r.find(own, own, op).ratio() / r.find(own, own, other).ratio()
	return bound{What: op, Want: fmt.Sprintf("%g times the %s", times, other), Got: fmt.Sprintf("%.3f times", is), Kept: is <= times}
}

// against is a bound on how much faster than another library.
func (r *results) against(name, op string, times float64) bound {
	faster := r.faster(name, op)
	return bound{
		What: op + " against " + name, Want: fmt.Sprintf("%g times as fast", times),
		Got: fmt.Sprintf("%.1f times as fast", faster), Kept: faster >= times,
	}
}

// faster is how many times as long another library takes, each in terms of the
// reference that was measured around it.
func (r *results) faster(name, op string) float64 {
	return r.find(beside, name, op).ratio() / r.find(beside, own, op).ratio()
}

// extra is no bound, but says more.
func (r *results) extra(what, name, op string) bound {
	t := r.find(beside, name, op)
	return bound{What: what, Want: "none", Got: fmt.Sprintf("%.2f x, %s, %g B", t.ratio(), count(t.Allocs), t.Bytes), Kept: true, Open: true}
}

func broken(list []bound) (n int) {
	for _, b := range list {
		if !b.Kept {
			n++
		}
	}
	return n
}

// boundsTable is the bounds in Markdown.
func boundsTable(list []bound) string {
	var b strings.Builder
	b.WriteString("| | bound | measured | kept |\n|---|---|---|---|\n")
	for _, x := range list {
		kept := map[bool]string{true: "yes", false: "**no**"}[x.Kept]
		if x.Open {
			kept = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", x.What, x.Want, x.Got, kept)
	}
	return b.String()
}
