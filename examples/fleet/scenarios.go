package main

// scenario is something that operators do to a fleet that is in use.
type scenario struct {
	name, title string
	keys        keySource
	first       config // of all servers at the start; the zero config: v1
	everywhere  bool   // played on every store, not only without
	byName      bool   // played only if it is named
	tell        func(p *play)
}

// keySource is where the servers have their keys from.
type keySource int

const (
	inEnvironment keySource = iota
	inFile
	inStore
)

// The configurations of most scenarios: a first secret, the rotation after it, and the
// one after that. Each keeps the secrets of those before.
func a() config { return config{tags: []string{"v1"}} }
func b() config { return config{tags: []string{"v2", "v1"}} }
func c() config { return config{tags: []string{"v3", "v2", "v1"}} }

// leaked is the configuration after v1 has leaked: it is not used any more.
func leaked(spare bool) config { return config{tags: []string{"v2"}, spare: spare, revoked: "v1"} }

// scenarios returns all of them, in the order in which they are played.
func scenarios() []scenario {
	return []scenario{
		{name: "rolling", title: "rolling rotation", everywhere: true, tell: func(p *play) {
			for _, i := range p.all() {
				p.deploy(b(), i)
				p.wait("it is watched for a while", 1)
			}
		}},
		{name: "stalled", title: "stalled roll-out", tell: func(p *play) {
			half := len(p.replicas) / 2
			p.deploy(b(), p.all()[:half]...)
			p.wait("the roll-out stalls: half and half", 4)
			p.deploy(b(), p.all()[half:]...)
		}},
		{name: "canary", title: "canary, then all", tell: func(p *play) {
			p.deploy(b(), 0)
			p.wait("one canary is watched", 4)
			p.deploy(b(), p.all()[1:]...)
		}},
		{name: "two-rotations", title: "two rotations in a row", tell: func(p *play) {
			p.deploy(b(), p.all()...)
			p.deploy(c(), p.all()...)
		}},
		{name: "back-in-the-middle", title: "rolled back in the middle", tell: func(p *play) {
			half := (len(p.replicas) + 1) / 2
			p.deploy(b(), p.all()[:half]...)
			p.deploy(a(), p.all()[:half]...)
		}},
		{name: "back-at-the-end", title: "rolled back after the end", tell: func(p *play) {
			p.deploy(b(), p.all()...)
			p.deploy(a(), p.all()...)
		}},
		{name: "crash", title: "crash and autoscaling in the middle", tell: func(p *play) {
			last := len(p.replicas) - 1
			p.deploy(b(), 0)
			p.crash(last)
			p.scaleUp(b())
			p.replaceCrashed(last, b())
			p.deploy(b(), p.all()[1:last]...)
		}},
		{name: "revocation", title: "leaked key revoked, with a spare", first: config{tags: []string{"v1"}, spare: true}, tell: func(p *play) {
			p.deploy(leaked(true), p.all()...)
		}},
		{name: "revocation-no-spare", title: "leaked key revoked, without a spare", byName: true, tell: func(p *play) {
			p.deploy(leaked(false), p.all()...)
		}},
		{name: "file", title: "key file rotated, no restart", keys: inFile, tell: func(p *play) {
			p.rotateFile()
			p.reload(p.all()...)
		}},
		{name: "shared", title: "shared keyring rotated, with a crash", keys: inStore, everywhere: true, tell: func(p *play) {
			last := len(p.replicas) - 1
			p.rotateShared()
			p.reload(p.all()[1:]...)
			p.rotateShared()
			p.crash(last)
			p.reload(p.all()[1:last]...)
			p.replaceCrashed(last, config{})
			p.rotateShared()
			p.reload(p.all()[1:]...)
		}},
	}
}
