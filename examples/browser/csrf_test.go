package browser_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/sessionring/sessionring/cookie"
)

// The attackers: a page on the site of the one that is allowed, and one that is not.
const (
	blog  = "blog.shop.test"
	third = "www.third.test"
)

// TestForeignPages has pages that no policy lists call refresh and logout, by a form and
// by fetch, in the browser of somebody who is signed in. All are refused and change
// nothing, also where the browser sends the cookies along, which it does.
func TestForeignPages(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := newService(t)
		b := m.open(t, s.hash)
		pages := []string{s.at("app.shop.test")}
		s.signInAndAttack(b, sibling, cookie.Config{Origins: pages}, blog)
		s.signInAndAttack(b, foreign, cookie.Config{Origins: pages, CrossSite: true}, blog)
		plain := cookie.Config{Origins: pages, CrossSite: true, Unpartitioned: true}
		if m.keepsPlain && m.firefox { // which keeps them apart all the same
			s.signInAndAttack(b, foreign, plain, blog)
		} else if m.keepsPlain {
			s.signInAndAttack(b, foreign, plain, blog, third)
		}
	})
}

// signInAndAttack attacks a session of that policy, and wants the browser to have sent
// its cookies along with what the pages at carriers did, and with nothing else.
func (s *service) signInAndAttack(b *tab, host string, policy cookie.Config, carriers ...string) {
	s.Helper()
	s.use(policy)
	app, api := s.at("app.shop.test"), s.at(host)
	b.visit(app)
	b.wantFetch("POST", api+"/login", "200")
	session := b.fetch("GET", api+"/me")
	before := b.values(host)
	if len(before) != 2 {
		s.Fatalf("got cookies %q after the sign-in, want two", before)
	}
	for _, attacker := range []string{third, blog} {
		s.take()
		b.attack(s.at(attacker), api)
		s.wantRefused(s.at(attacker), slices.Contains(carriers, attacker))
	}
	b.visit(app)
	if after := b.values(host); !slices.Equal(after, before) {
		s.Errorf("got cookies %q after the attacks, want those from before", after)
	}
	b.wantFetch("GET", api+"/me", session)
	b.wantFetch("POST", api+"/refresh", "204")
	b.wantFetch("POST", api+"/logout", "204")
	b.wantJar()
}

// attack tries all that a page can do.
func (b *tab) attack(page, api string) {
	b.Helper()
	for _, path := range []string{"/refresh", "/logout"} {
		b.visit(page)
		b.wantFetch("POST", api+path, "TypeError")
		b.text(fmt.Sprintf(`fetch(%q, {method: "POST", mode: "no-cors", credentials: "include", body: "{}"}).then((r) => r.type)`, api+path))
		b.text(fmt.Sprintf(`(() => {
			const form = document.createElement("form");
			form.method = "post";
			form.action = %q;
			document.body.append(form);
			form.submit();
		})()`, api+path))
		b.wait(`location.origin + " " + document.body?.textContent.trim()`, api+` {"error":"cross_origin"}`)
	}
}

// wantRefused wants three attacks at each of two routes, refused without a cookie set.
func (s *service) wantRefused(origin string, carried bool) {
	s.Helper()
	seen, with := s.take(), 0
	for _, x := range seen {
		if x.method != "POST" || x.origin != origin || x.status != 403 || len(x.sets) > 0 {
			s.Errorf("got %+v, want a POST from %s refused with 403 and no cookie", x, origin)
		}
		if x.cookies {
			with++
		}
	}
	if len(seen) != 6 {
		s.Errorf("got %d requests from %s, want 6", len(seen), origin)
	}
	if carried != (with > 0) {
		s.Errorf("%d of the requests from %s carried cookies, want any: %v", with, origin, carried)
	}
}

// values returns the cookies of host with what tells their values apart.
func (b *tab) values(host string) []string {
	b.Helper()
	var list []string
	for _, c := range b.jar(host) {
		list = append(list, fmt.Sprintf("%s %.6x", c.name, sha256.Sum256([]byte(c.value))))
	}
	slices.Sort(list)
	return list
}
