package ring

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// digits are the 6 bits of every character of base64url (RFC 4648, section 5) in each
// of four places, and notDigit for all other characters.
var digits = func() (d [4][256]uint32) {
	for place := range d {
		for c := range d[place] {
			d[place][c] = notDigit
		}
		for value, c := range []byte(alphabet) {
			d[place][c] = uint32(value) << (18 - 6*place)
		}
	}
	return d
}()

const (
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	notDigit = 1 << 24
)

// decode appends what a canonical base64url segment encodes to dst: no padding, no line
// breaks, nothing left over in the last character. It takes what the strict decoder of
// the standard library takes, but for line breaks, and four characters at a time.
func decode(dst, segment []byte) ([]byte, error) {
	start, size := len(dst), base64.RawURLEncoding.DecodedLen(len(segment))
	dst = slices.Grow(dst, size)[:start+size]
	out, bad := dst[start:], uint32(0)
	for len(segment) >= 8 && len(out) >= 8 {
		x, y := quantum(segment[:4]), quantum(segment[4:8])
		binary.BigEndian.PutUint64(out, uint64(x)<<40|uint64(y&^notDigit)<<16) // the last two bytes are written again
		segment, out, bad = segment[8:], out[6:], bad|x|y
	}
	for len(segment) >= 4 {
		x := quantum(segment[:4])
		out[0], out[1], out[2] = byte(x>>16), byte(x>>8), byte(x)
		segment, out, bad = segment[4:], out[3:], bad|x
	}
	switch len(segment) {
	case 1:
		bad = notDigit
	case 2:
		x := digits[0][segment[0]] | digits[1][segment[1]]
		out[0], bad = byte(x>>16), bad|x|left(x&0xffff)
	case 3:
		x := digits[0][segment[0]] | digits[1][segment[1]] | digits[2][segment[2]]
		out[0], out[1], bad = byte(x>>16), byte(x>>8), bad|x|left(x&0xff)
	}
	if bad&notDigit != 0 {
		return dst[:start], errBase64
	}
	return dst, nil
}

// quantum decodes four characters to 24 bits.
func quantum(s []byte) uint32 {
	return digits[0][s[0]] | digits[1][s[1]] | digits[2][s[2]] | digits[3][s[3]]
}

// left is notDigit if bits are left over.
func left(bits uint32) uint32 {
	if bits != 0 {
		return notDigit
	}
	return 0
}
