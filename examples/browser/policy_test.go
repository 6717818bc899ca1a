package browser_test

import (
	"testing"

	"github.com/sessionring/sessionring/cookie"
)

// TestChangeToPartitioned changes the policy of a running service: whoever is signed in
// by plain cookies stays so, the next refresh leaves partitioned cookies only, and
// signing out leaves none. Where plain cookies of other sites are not kept, which shows
// that the modes are what their names say, the new policy is the first that works.
func TestChangeToPartitioned(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := newService(t)
		b := m.open(t, s.hash)
		api := s.at(foreign)
		before := cookie.Config{CrossSite: true, Unpartitioned: true, Origins: []string{s.at("app.shop.test")}}
		s.use(before)
		b.visit(s.at("app.shop.test"))
		b.wantFetch("POST", api+"/login", "200")
		if m.keepsPlain {
			b.wantJar("api.id.test __Host-access None", "api.id.test __Host-refresh None")
			b.wantFetch("GET", api+"/me", "200")
		} else {
			b.wantJar()
			b.wantFetch("GET", api+"/me", "401")
		}

		after := cookie.Config{CrossSite: true, Origins: before.Origins, Former: []cookie.Config{before}}
		s.use(after)
		if m.keepsPlain {
			b.wantFetch("GET", api+"/me", "200")
			b.wantFetch("POST", api+"/refresh", "204")
		} else {
			b.wantFetch("POST", api+"/login", "200")
		}
		b.wantJar("api.id.test __Host-access-p None partitioned", "api.id.test __Host-refresh-p None partitioned")
		b.wantFetch("GET", api+"/me", "200")
		b.wantFetch("POST", api+"/logout", "204")
		b.wantJar()
		b.wantFetch("GET", api+"/me", "401")
	})
}
