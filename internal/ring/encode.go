package ring

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// pairs are the two characters of base64url that 12 bits make, the first one in the low
// half.
type pairs [1 << 12]uint16

// base64pairs are these. It is a pointer so that it is held in a register.
var base64pairs = func() *pairs {
	p := new(pairs)
	for i := range p {
		p[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return p
}()

// eight returns the eight characters that the first six bytes of src make. It reads eight.
func (p *pairs) eight(src []byte) uint64 {
	x := binary.BigEndian.Uint64(src)
	return uint64(p[x>>52]) | uint64(p[x>>40&0xfff])<<16 | uint64(p[x>>28&0xfff])<<32 | uint64(p[x>>16&0xfff])<<48
}

// Encode appends src in base64url without padding to dst, as the standard library does,
// but two characters at a time.
func Encode(dst, src []byte) []byte {
	start, size := len(dst), base64.RawURLEncoding.EncodedLen(len(src))
	dst = slices.Grow(dst, size)[:start+size]
	out, p := dst[start:], base64pairs
	for len(src) > 14 && len(out) > 16 { // twelve bytes of the fourteen that are read; there is always room
		binary.LittleEndian.PutUint64(out, p.eight(src))
		binary.LittleEndian.PutUint64(out[8:], p.eight(src[6:]))
		src, out = src[12:], out[16:]
	}
	for len(src) >= 3 {
		x := uint(src[0])<<16 | uint(src[1])<<8 | uint(src[2])
		binary.LittleEndian.PutUint32(out, uint32(p[x>>12])|uint32(p[x&0xfff])<<16)
		src, out = src[3:], out[4:]
	}
	switch len(src) {
	case 1:
		binary.LittleEndian.PutUint16(out, p[uint(src[0])<<4])
	case 2:
		x := uint(src[0])<<10 | uint(src[1])<<2
		binary.LittleEndian.PutUint16(out, p[x>>6])
		out[2] = alphabet[x&63]
	}
	return dst
}
