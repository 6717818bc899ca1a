package ring

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// digits are the 6 bits of every character of base64url (RFC 4648, section 5) in each of
// eight places, from the top of 64 bits down, and notDigit for all other characters.
type digits [8][256]uint64

// base64url are these. It is a pointer so that it is held in a register.
var base64url = func() *digits {
	d := new(digits)
	for place := range d {
		for c := range d[place] {
			d[place][c] = notDigit
		}
		for value, c := range []byte(alphabet) {
			d[place][c] = uint64(value) << (58 - 6*place)
		}
	}
	return d
}()

// eight returns what the first eight characters of s encode in its upper six bytes, and
// notDigit below them if one is no digit.
func (d *digits) eight(s []byte) uint64 {
	_ = s[7]
	return d[0][s[0]] | d[1][s[1]] | d[2][s[2]] | d[3][s[3]] | d[4][s[4]] | d[5][s[5]] | d[6][s[6]] | d[7][s[7]]
}

const (
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	notDigit = 1 // below the 48 bits of eight characters
	spare    = 8 // bytes that decode may write over behind what it appends
)

// DecodeID returns what an id encodes, 16 bytes in their only spelling.
func DecodeID(id string) (bytes [16]byte, ok bool) {
	var room [len(bytes) + spare]byte
	if len(id) != base64.RawURLEncoding.EncodedLen(len(bytes)) {
		return bytes, false
	}
	if _, err := decode(room[:0], []byte(id)); err != nil {
		return bytes, false
	}
	return [16]byte(room[:16]), true
}

// decode appends what a canonical base64url segment encodes to dst: no padding, no line
// breaks, nothing left over in the last character. It takes what the strict decoder of
// the standard library takes, but for line breaks, and sixteen characters in a round. It
// allocates unless dst has room for that and spare.
func decode(dst, segment []byte) ([]byte, error) {
	start, size := len(dst), base64.RawURLEncoding.DecodedLen(len(segment))
	dst = slices.Grow(dst, size+spare)[:start+size+spare]
	out, d, bad := dst[start:], base64url, uint64(0)
	for len(segment) > 16 && len(out) > 14 { // there is always room; that it is asked for spares other checks
		x, y := d.eight(segment), d.eight(segment[8:])
		binary.BigEndian.PutUint64(out, x) // six bytes, and two to be written over
		binary.BigEndian.PutUint64(out[6:], y)
		segment, out, bad = segment[16:], out[12:], bad|x|y
	}
	for len(segment) > 8 && len(out) > 8 {
		x := d.eight(segment)
		binary.BigEndian.PutUint64(out, x)
		segment, out, bad = segment[8:], out[6:], bad|x
	}
	x := uint64(0)
	for i, c := range segment {
		x |= d[i&7][c]
	}
	binary.BigEndian.PutUint64(out, x)
	over := x << (8 * (len(out) - spare)) // a wrong character, too
	if len(segment)%4 == 1 || over != 0 || bad&notDigit != 0 {
		return dst[:start], errBase64
	}
	return dst[:start+size], nil
}
