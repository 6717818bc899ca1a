package main

import (
	"errors"
	"net/http"
	"strings"

	"github.com/sessionring/sessionring/session/benchmarks/contender"
)

// The operations that all contenders are measured by, in the order of the table.
const (
	opIssue      = "issue"
	opVerify     = "verify"
	opPrevious   = "previous key"
	opLegacy     = "no kid"
	opForged     = "forged"
	opGarbage    = "garbage"
	opParallel   = "parallel"
	opMiddleware = "request"
)

var ops = []string{opIssue, opVerify, opPrevious, opLegacy, opForged, opGarbage, opParallel, opMiddleware}

// beside is the group of the tasks that all contenders have.
const beside = "side by side"

// distinct is how many tokens each operation goes through.
const distinct = 256

// user is whom the tokens of the workload are issued for. The name makes that of
// sessionring, by one key, 483 bytes long.
var user = contender.User{
	Subject: "user-0123456789",
	Custom:  contender.Custom{Name: "Ada Lovelace, Countess", Roles: []string{"admin", "editor"}},
}

var (
	errLetIn   = errors.New("accepted what must be refused")
	errNotSeen = errors.New("the middleware did not let the request through")
)

// sideBySide adds every contender with every operation.
func sideBySide(r *results) error {
	keys, err := contender.NewKeys(4) // three in the ring; the fourth co-signs for the second
	if err != nil {
		return err
	}
	var input []byte
	for _, c := range contender.All() {
		b := bench{Contender: c, keys: keys, input: input}
		if err := b.setUp(); err != nil {
			return err
		}
		if input == nil {
			input, r.Token = contender.Input(b.current[0]), len(b.current[0])
			b.input = input
		}
		list, err := b.tasks()
		if err != nil {
			return err
		}
		r.Tasks = append(r.Tasks, list...)
	}
	return nil
}

// bench is a contender with its tokens.
type bench struct {
	contender.Contender
	*contender.Service                    // with the ring of three
	issuer             *contender.Service // with the keys that sign and co-sign
	keys               []contender.Key
	input              []byte
	current            []string
}

func (b *bench) setUp() (err error) {
	if b.Service, err = b.New(b.keys[:3]); err != nil {
		return err
	}
	if b.issuer = b.Service; !b.OneKey {
		if b.issuer, err = b.New(b.keys[:b.Signers]); err != nil {
			return err
		}
	}
	b.current, err = tokens(b.issuer)
	return err
}

// tokens issues the tokens of one operation.
func tokens(s *contender.Service) (list []string, err error) {
	for range distinct {
		token, err := s.Issue(user)
		if err != nil {
			return nil, err
		}
		list = append(list, token)
	}
	return list, nil
}

// tasks returns the operations that the contender has.
func (b *bench) tasks() ([]*task, error) {
	list := []*task{
		b.task(opIssue, func(int) error { _, err := b.issuer.Issue(user); return err }),
		b.task(opVerify, accepting(b.Verify, b.current)),
		b.task(opForged, refusing(b.Verify, forged(b.current))),
		b.task(opGarbage, refusing(b.Verify, garbage())),
		b.task(opParallel, accepting(b.Verify, b.current)),
	}
	list[0].per, list[4].procs = b.PerIssue, processors()
	request, err := requests(b.Service, b.current)
	if err != nil {
		return nil, err
	}
	list = append(list, b.task(opMiddleware, request))
	if b.OneKey {
		return list, nil
	}
	older, err := b.New(b.keys[1 : 1+b.Signers])
	if err != nil {
		return nil, err
	}
	previous, err := tokens(older)
	if err != nil {
		return nil, err
	}
	list = append(list, b.task(opPrevious, accepting(b.Verify, previous)))
	legacy, err := b.legacy()
	if legacy != nil {
		list = append(list, legacy)
	}
	return list, err
}

// legacy has tokens that name no key, of the oldest key of the ring: two others are tried
// before it.
func (b *bench) legacy() (*task, error) {
	if b.Legacy == nil {
		return nil, nil
	}
	list, err := b.unnamed(b.keys[2])
	if err != nil {
		return nil, err
	}
	return b.task(opLegacy, accepting(b.Legacy, list)), nil
}

// unnamed returns tokens of a key that do not name it.
func (b *bench) unnamed(by contender.Key) (list []string, err error) {
	if !b.JWT { // none of its tokens does
		s, err := b.New([]contender.Key{by})
		if err != nil {
			return nil, err
		}
		return tokens(s)
	}
	return legacyTokens(by)
}

// legacyTokens returns JWTs without a kid.
func legacyTokens(by contender.Key) (list []string, err error) {
	for range distinct {
		token, err := contender.SignLegacy(by, contender.NewClaims(user, by.Tag))
		if err != nil {
			return nil, err
		}
		list = append(list, token)
	}
	return list, nil
}

// task is an operation of the contender.
func (b *bench) task(op string, do func(int) error) *task {
	return &task{Group: beside, Name: b.Name, Op: op, Size: len(b.current[0]), do: do, input: b.input}
}

func accepting(check func(string) (any, error), tokens []string) func(int) error {
	return func(i int) error {
		_, err := check(tokens[i%len(tokens)])
		return err
	}
}

func refusing(check func(string) (any, error), tokens []string) func(int) error {
	return func(i int) error {
		if _, err := check(tokens[i%len(tokens)]); err == nil {
			return errLetIn
		}
		return nil
	}
}

// forged returns the tokens with signatures that nobody has made.
func forged(tokens []string) (list []string) {
	for _, t := range tokens {
		list = append(list, t[:len(t)-10]+"AAAAAAAAAA")
	}
	return list
}

// garbage is what scanners send.
func garbage() []string { return []string{strings.Repeat("x", 483)} }

// requests sends requests with the tokens through the middleware.
func requests(s *contender.Service, tokens []string) (func(int) error, error) {
	var list []*http.Request
	for _, t := range tokens {
		r, err := s.NewRequest(t)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	served, w := 0, nowhere{http.Header{}}
	h := s.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
	return func(i int) error {
		clear(w.header)
		before := served
		if h.ServeHTTP(w, list[i%len(list)]); served == before {
			return errNotSeen
		}
		return nil
	}, nil
}

// nowhere is a ResponseWriter that costs nothing.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header         { return w.header }
func (w nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (w nowhere) WriteHeader(int)             {}
