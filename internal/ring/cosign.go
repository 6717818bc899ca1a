package ring

import (
	"bytes"
	"encoding/base64"
	"strings"
	"time"
)

// A co-signature is made over the header segment with its dot, and the payload
// with every co-signature left blank, so it covers the header, the claims and
// the list of those who co-sign. The list is the last member of the payload:
//
//	{"sub":"alice",…,"cs":{"<fingerprint>":"<co-signature>",…}}
const (
	listOpen  = `,"cs":{`
	listClose = `}}`
	maxList   = maxSigners - 1
)

const (
	sig64Len = 86 // a co-signature by Ed25519 or ECDSA P-256, 64 bytes, in base64url
	maxEntry = len(`"":"",`) + printLen + sig64Len
)

// entry is one co-signature: whose, and its text.
type entry struct{ print, text string }

// list is the co-signatures of one token.
type list struct {
	entries [maxList]entry
	n       int
	start   int // where the member begins in the payload
}

// cosign returns payload with the co-signatures of all but the first key.
func (s *Signers) cosign(header string, payload []byte) ([]byte, error) {
	l := list{start: len(payload) - 1}
	for _, k := range s.keys[min(1, s.n):s.n] {
		l.entries[l.n].print = k.Fingerprint
		l.n++
	}
	if l.n == 0 {
		return payload, nil
	}
	start := make([]byte, l.start, len(payload)+len(listOpen)+l.n*maxEntry)
	copy(start, payload)
	blank := l.appendTo(start)
	buf := make([]byte, 0, sig64Len)
	for i := range l.n {
		text, err := s.keys[i+1].cosign(buf, header, blank)
		if err != nil {
			return nil, err
		}
		l.entries[i].text = string(text)
	}
	return l.appendTo(start), nil
}

// appendTo appends the member and the end of the payload to dst.
func (l *list) appendTo(dst []byte) []byte {
	dst = append(dst, listOpen...)
	for i, e := range l.entries[:l.n] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), e.print...), `":"`...)
		dst = append(append(dst, e.text...), '"')
	}
	return append(dst, listClose...)
}

// blank returns the payload with every co-signature left blank.
func (l *list) blank(payload string) []byte {
	empty := list{n: l.n}
	for i, e := range l.entries[:l.n] {
		empty.entries[i].print = e.print
	}
	return empty.appendTo(append(make([]byte, 0, len(payload)), payload[:l.start]...))
}

// parseList finds the co-signatures by their fixed form at the very end of the
// payload, without a JSON parser: nothing of an unverified token is interpreted.
//
// The form is unambiguous. The opening has bare quotes, so it cannot lie inside
// a string; fingerprints and co-signatures hold no brace, so "}}" at the end of
// the payload closes the list and the top-level object.
func parseList(payload string) (list, bool) {
	start := strings.LastIndex(payload, listOpen)
	if start < 0 {
		return list{}, false
	}
	rest, ok := strings.CutSuffix(payload[start+len(listOpen):], listClose)
	if !ok {
		return list{}, false
	}
	l := list{start: start}
	for more := true; more; {
		var e entry
		e, rest, more = nextEntry(rest)
		if e.print == "" || l.n == maxList || l.has(e.print) {
			return list{}, false
		}
		l.entries[l.n] = e
		l.n++
	}
	if rest != "" {
		return list{}, false
	}
	return l, true
}

// nextEntry takes one `"fingerprint":"text"` off the front of s; more says that a
// comma followed. A zero entry means that s has another form.
func nextEntry(s string) (e entry, rest string, more bool) {
	const head = 1 + printLen + len(`":"`)
	if len(s) < head || s[0] != '"' || s[1+printLen:head] != `":"` || !all(s[1:1+printLen], base64Chars) {
		return entry{}, s, false
	}
	text, rest, ok := strings.Cut(s[head:], `"`)
	if !ok || len(text) != comacLen && len(text) != sig64Len || !all(text, base64Chars) {
		return entry{}, s, false
	}
	e = entry{print: s[1 : 1+printLen], text: text}
	rest, more = strings.CutPrefix(rest, ",")
	return e, rest, more
}

// has reports whether l has an entry of the key with that fingerprint.
func (l *list) has(print string) bool {
	for _, e := range l.entries[:l.n] {
		if e.print == print {
			return true
		}
	}
	return false
}

// byCosignature returns the payload and the first key of the list that the ring
// holds live. That key decides alone; a nil key means that there is none. The
// ordinary signature counts for nothing here, but it must have the form of one.
func (r *Ring) byCosignature(p parts, now time.Time) (*Key, []byte, error) {
	if _, err := decode(p.signature); err != nil {
		return nil, nil, err
	}
	payload, err := decode(p.payload)
	if err != nil {
		return nil, nil, err
	}
	text := string(payload)
	l, ok := parseList(text)
	if !ok {
		return nil, payload, nil
	}
	for _, e := range l.entries[:l.n] {
		k := r.livePrint(e.print, now)
		switch {
		case k == nil:
		case k.coverifies(p.head, l.blank(text), e.text):
			return k, payload, nil
		default:
			return nil, nil, errCosignature
		}
	}
	return nil, payload, nil
}

// sole reports whether k is the only live key of the ring that the list in payload
// names, or that may have signed it. Other than parseList, which decides who gets
// in, it makes no copy of the payload, because it looks at every token.
func (r *Ring) sole(k *Key, payload []byte, now time.Time) bool {
	if len(r.keys) == 1 {
		return true
	}
	tail := payload[max(0, len(payload)-len(listOpen)-maxList*maxEntry-len(listClose)):]
	start := bytes.LastIndex(tail, []byte(listOpen))
	if start < 0 || !bytes.HasSuffix(tail, []byte(listClose)) {
		return true
	}
	for tail = tail[start+len(listOpen):]; len(tail) > printLen; {
		if other := r.byPrint[string(tail[1:1+printLen])]; other != nil && other != k && other.Live(now) {
			return false
		}
		comma := bytes.IndexByte(tail, ',')
		if comma < 0 {
			return true
		}
		tail = tail[comma+1:]
	}
	return true
}

// coverifies reports whether text is the co-signature of k.
func (k *Key) coverifies(head string, blank []byte, text string) bool {
	return k.coverify != nil && k.coverify(head, blank, text)
}

// decode decodes a canonical base64url segment.
func decode(segment string) ([]byte, error) {
	if strings.IndexByte(segment, '\n') >= 0 || strings.IndexByte(segment, '\r') >= 0 {
		return nil, errBase64 // Strict alone skips line breaks
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return nil, errBase64
	}
	return b, nil
}
