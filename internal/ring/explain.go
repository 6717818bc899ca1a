package ring

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// Explanation is a token taken apart for people to read. Nothing of it is verified
// but what Signatures says, and nothing follows from it: Open decides.
type Explanation struct {
	Header, Claims []strictjson.Member // as they stand, but for the co-signatures
	Signatures     []Signature         // the ordinary one first; none if the header is refused
}

// Signature is one signature in a token.
type Signature struct {
	Name  string // kid of the key that signed, fingerprint of one that co-signed; "" if the token names none
	Key   *Key   // the key of the ring with that name, in whatever state; nil: not held
	Right bool   // Key has made it
}

// Explain takes token apart and looks at each of its signatures by itself. It is
// for a person who asks; what it returns holds no signature.
func (r *Ring) Explain(token string) (Explanation, error) {
	var p parts
	if err := p.split(token); err != nil {
		return Explanation{}, err
	}
	s := new(Scratch)
	if err := s.decode(p.payload); err != nil {
		return Explanation{}, err
	}
	var e Explanation
	var err error
	if e.Header, err = headerMembers(p.head); err != nil {
		return Explanation{}, err
	}
	if e.Claims, err = strictjson.Object(s.payload); err != nil {
		return Explanation{}, errPayload
	}
	e.Claims = slices.DeleteFunc(e.Claims, func(m strictjson.Member) bool { return m.Name == "cs" })
	if h, err := parseHeader(p.head); err == nil || errors.Is(err, ErrNoKID) {
		e.Signatures = append([]Signature{r.ordinary(h, p)}, r.cosignatures(s, p.head)...)
	}
	return e, nil
}

// headerMembers reads a header segment, whatever it asks for.
func headerMembers(head string) ([]strictjson.Member, error) {
	data, err := decode(nil, []byte(strings.TrimSuffix(head, ".")))
	if err != nil {
		return nil, err
	}
	members, err := strictjson.Object(data)
	if err != nil {
		return nil, errHeader
	}
	return members, nil
}

// ordinary explains the ordinary signature. Without a kid it is that of the first
// key that has made it.
func (r *Ring) ordinary(h header, p parts) Signature {
	right := func(k *Key) bool { return k.Algorithm == h.alg && k.verify != nil && k.verify(p.signed(new(Scratch))) }
	if h.kid != "" {
		k := r.Find(h.kid)
		return Signature{h.kid, k, k != nil && right(k)}
	}
	if i := slices.IndexFunc(r.keys, right); i >= 0 {
		return Signature{"", r.keys[i], true}
	}
	return Signature{}
}

// cosignatures explains the others.
func (r *Ring) cosignatures(s *Scratch, head string) (found []Signature) {
	l, ok := parseList(s.payload)
	if !ok {
		return nil
	}
	message := s.cosigned(head, &l)
	for _, e := range l.entries[:l.n] {
		k := r.printed(e.print)
		found = append(found, Signature{string(e.print), k, k != nil && k.coverifies(message, e.text)})
	}
	return found
}

// Text returns the claim of that name if it is a string, else "".
func (e *Explanation) Text(name string) string {
	text, _ := strictjson.String(e.claim(name))
	return text
}

// Date returns the claim of that name if it is a date (RFC 7519, section 2).
func (e *Explanation) Date(name string) (time.Time, bool) { return Date(e.claim(name)) }

// claim returns the claim of that name, nil if there is none.
func (e *Explanation) claim(name string) json.RawMessage {
	for _, m := range e.Claims {
		if m.Name == name {
			return m.Raw
		}
	}
	return nil
}
