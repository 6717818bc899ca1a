package ring

import (
	"bytes"
	"encoding/binary"
	"math/bits"
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

const sig64Len = 86 // a co-signature by Ed25519 or ECDSA P-256, 64 bytes, in base64url

// entry is one co-signature: whose, and its text.
type entry struct{ print, text []byte }

// list is the co-signatures of one token.
type list struct {
	entries [maxList]entry
	n       int
	start   int // where the member begins in the payload
}

// cosign puts the co-signatures of all but the first key into the payload in s.
func (s *Signers) cosign(w *Scratch, header string) error {
	l := list{start: len(w.payload) - 1}
	for _, k := range s.keys[1:s.n] {
		l.entries[l.n].print = k.print
		l.n++
	}
	message := w.cosigned(header, &l)
	w.texts = w.texts[:0]
	for i := range l.n {
		start, err := len(w.texts), error(nil)
		if w.texts, err = s.keys[i+1].cosign(w.texts, message); err != nil {
			return err
		}
		l.entries[i].text = w.texts[start:]
	}
	w.payload = l.appendTo(w.payload[:l.start], false)
	return nil
}

// cosigned returns the message that the co-signatures of the list l, at the end of the
// payload in s, are made over, behind a label and a NUL. These are part of it for keys
// with a public half, and the NUL occurs in no JWS signing input, so neither kind of
// signature can stand in for the other; HMAC has a key of its own for that.
func (s *Scratch) cosigned(header string, l *list) []byte {
	s.message = append(append(append(s.message[:0], labelCosign...), 0), header...)
	s.message = l.appendTo(append(s.message, s.payload[:l.start]...), true)
	return s.message
}

// appendTo appends the member and the end of the payload to dst, with every
// co-signature left blank or as it is.
func (l *list) appendTo(dst []byte, blank bool) []byte {
	dst = append(dst, listOpen...)
	for i, e := range l.entries[:l.n] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), e.print...), `":"`...)
		if !blank {
			dst = append(dst, e.text...)
		}
		dst = append(dst, '"')
	}
	return append(dst, listClose...)
}

// parseList finds the co-signatures by their fixed form at the very end of the
// payload, without a JSON parser: nothing of an unverified token is interpreted.
//
// The form is unambiguous. The opening has bare quotes, so it cannot lie inside
// a string; fingerprints and co-signatures hold no brace, so "}}" at the end of
// the payload closes the list and the top-level object.
func parseList(payload []byte) (list, bool) {
	start := lastList(payload)
	if start < 0 {
		return list{}, false
	}
	rest, ok := bytes.CutSuffix(payload[start+len(listOpen):], []byte(listClose))
	if !ok {
		return list{}, false
	}
	l := list{start: start}
	for more := true; more; {
		var e entry
		e, rest, more = nextEntry(rest)
		if e.print == nil || l.n == maxList || l.has(e.print) {
			return list{}, false
		}
		l.entries[l.n] = e
		l.n++
	}
	if len(rest) > 0 {
		return list{}, false
	}
	return l, true
}

// lastList returns where the list begins, if the payload ends with one, and -1 if it
// cannot: no brace opens behind that of the list.
func lastList(payload []byte) int {
	start := lastBrace(payload) + 1 - len(listOpen)
	if start < 0 || string(payload[start:start+len(listOpen)]) != listOpen {
		return -1
	}
	return start
}

// lastBrace returns where the last opening brace of text is, -1 if there is none. From the
// end, it looks at eight bytes together for those that differ from a brace by 0: they are
// the ones of which no top bit shows when the rest is filled up.
func lastBrace(text []byte) int {
	const each, rest = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	for ; len(text) >= 8; text = text[:len(text)-8] {
		x := binary.LittleEndian.Uint64(text[len(text)-8:]) ^ '{'*each
		if found := ^(x&rest + rest | x | rest); found != 0 {
			return len(text) - 1 - bits.LeadingZeros64(found)/8
		}
	}
	return bytes.LastIndexByte(text, '{')
}

// nextEntry takes one `"fingerprint":"text"` off the front of s; more says that a
// comma followed. A zero entry means that s has another form.
func nextEntry(s []byte) (e entry, rest []byte, more bool) {
	const head = 1 + printLen + len(`":"`)
	if len(s) < head || s[0] != '"' || string(s[1+printLen:head]) != `":"` || !isBase64(s[1:1+printLen]) {
		return entry{}, s, false
	}
	text, rest, ok := bytes.Cut(s[head:], []byte{'"'})
	if !ok || len(text) != comacLen && len(text) != sig64Len || !isBase64(text) {
		return entry{}, s, false
	}
	e = entry{print: s[1 : 1+printLen], text: text}
	rest, more = bytes.CutPrefix(rest, []byte{','})
	return e, rest, more
}

// has reports whether l has an entry of the key with that fingerprint.
func (l *list) has(print []byte) bool {
	for _, e := range l.entries[:l.n] {
		if bytes.Equal(e.print, print) {
			return true
		}
	}
	return false
}

// byCosignature decodes the payload and returns the first key of its list that the
// ring holds live, and whether it holds no other one of them live. That key decides alone;
// a nil key means that there is none. The ordinary signature counts for nothing here, but
// it must have the form of one.
func (t *Sealed) byCosignature(s *Scratch) (_ *Key, sole bool, _ error) {
	if err := s.decode(t.signature); err != nil {
		return nil, false, err
	}
	if err := s.decode(t.payload); err != nil {
		return nil, false, err
	}
	l, ok := parseList(s.payload)
	if !ok {
		return nil, false, nil
	}
	for i, e := range l.entries[:l.n] {
		k := t.ring.livePrint(s, e.print)
		switch {
		case k == nil:
		case k.coverifies(s.cosigned(t.head, &l), e.text):
			return k, !t.ring.holdsOne(s, l.entries[i+1:l.n]), nil // those before are not live
		default:
			return nil, false, errCosignature
		}
	}
	return nil, false, nil
}

// holdsOne reports whether the ring holds a key live that one of the entries names.
func (r *Ring) holdsOne(s *Scratch, entries []entry) bool {
	for _, e := range entries {
		if r.livePrint(s, e.print) != nil {
			return true
		}
	}
	return false
}

// sole reports whether no live key of the ring but k, which has signed the payload, is
// named in its list. It looks at most tokens, so it asks less of the form of the list than
// parseList, which decides who gets in.
func (r *Ring) sole(s *Scratch, k *Key) bool {
	payload := s.payload
	if len(r.keys) == 1 || !bytes.HasSuffix(payload, []byte(listClose)) {
		return true
	}
	start := lastList(payload)
	if start < 0 {
		return true
	}
	for tail := payload[start+len(listOpen):]; len(tail) > printLen; {
		if other := r.printed(tail[1 : 1+printLen]); other != nil && other != k && other.live(s) {
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

// coverifies reports whether text is the co-signature of k over message.
func (k *Key) coverifies(message, text []byte) bool {
	return k.coverify != nil && k.coverify(message, text)
}
