package ring

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// pairs are the two characters of base64url that 12 bits make, the first one in the low
// half.
var pairs = func() (p [1 << 12]uint16) {
	for i := range p {
		p[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return p
}()

// Encode appends src in base64url without padding to dst, as the standard library does,
// but two characters at a time.
func Encode(dst, src []byte) []byte {
	start, size := len(dst), base64.RawURLEncoding.EncodedLen(len(src))
	dst = slices.Grow(dst, size)[:start+size]
	out := dst[start:]
	for len(src) >= 8 && len(out) >= 8 { // six bytes of the eight that are read
		x := binary.BigEndian.Uint64(src)
		binary.LittleEndian.PutUint64(out, uint64(pairs[x>>52])|uint64(pairs[x>>40&0xfff])<<16|uint64(pairs[x>>28&0xfff])<<32|uint64(pairs[x>>16&0xfff])<<48)
		src, out = src[6:], out[8:]
	}
	for len(src) >= 3 {
		x := uint(src[0])<<16 | uint(src[1])<<8 | uint(src[2])
		binary.LittleEndian.PutUint32(out, uint32(pairs[x>>12])|uint32(pairs[x&0xfff])<<16)
		src, out = src[3:], out[4:]
	}
	switch len(src) {
	case 1:
		binary.LittleEndian.PutUint16(out, pairs[uint(src[0])<<4])
	case 2:
		x := uint(src[0])<<10 | uint(src[1])<<2
		binary.LittleEndian.PutUint16(out, pairs[x>>6])
		out[2] = alphabet[x&63]
	}
	return dst
}
