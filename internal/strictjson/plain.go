package strictjson

import (
	"encoding/binary"
	"math/bits"
)

// Eight bytes are looked at together, by the top bit of each: what one borrows from the
// next, or carries to it, shows only above one whose own bit is set by one term or another.
const (
	each = 0x0101010101010101
	top  = 0x80 * each
)

// Plain returns how many characters of text come before the first one that is a quotation
// mark, a backslash or not printable ASCII.
func Plain(text []byte) int {
	i := 0
	for ; i <= len(text)-8; i += 8 {
		x := binary.LittleEndian.Uint64(text[i:])
		found := x | (x - ' '*each) | (x + each) | (x ^ '"'*each - each) | (x ^ '\\'*each - each)
		if found &= top; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\' {
		i++
	}
	return i
}

// CutPlain takes a string off the front of text, if all of it is plain: what it says is
// then what stands between its quotation marks. Else it leaves text as it is.
func CutPlain(text []byte) (inside, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, text, false
	}
	end := 1 + Plain(text[1:])
	if end == len(text) || text[end] != '"' {
		return nil, text, false
	}
	return text[1:end:end], text[end+1:], true
}
