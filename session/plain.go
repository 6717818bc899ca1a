package session

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"time"
)

// Eight bytes are looked at together, by the top bit of each: what one lends to the next
// when something is taken from it shows only above one whose own bit is set.
const (
	each = 0x0101010101010101
	top  = 0x80 * each
)

// plain reports whether data is printable ASCII without escapes: no byte has its top bit
// set, has it when a space is taken from it or one is added, or is a backslash.
func plain(data []byte) bool {
	var bad uint64
	for ; len(data) >= 16; data = data[16:] {
		x, y := binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:])
		bad |= x | (x - ' '*each) | (x + each) | (x ^ '\\'*each - each)
		bad |= y | (y - ' '*each) | (y + each) | (y ^ '\\'*each - each)
	}
	for _, c := range data {
		if c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return bad&top == 0
}

// quote returns where the first quotation mark is in data, -1 if there is none.
func quote(data []byte) int {
	i := 0
	for ; len(data)-i >= 8; i += 8 {
		x := binary.LittleEndian.Uint64(data[i:]) ^ '"'*each
		if found := (x - each) &^ x & top; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(data); i++ {
		if data[i] == '"' {
			return i
		}
	}
	return -1
}

// cutString takes a string, which is plain, off the front of text.
func cutString(text []byte) (inside, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, text, false
	}
	n := quote(text[1:])
	if n < 0 {
		return nil, text, false
	}
	return text[1 : n+1 : n+1], text[n+2:], true
}

// cutDate takes a date, in whole seconds, off the front of text.
func cutDate(text []byte) (t time.Time, rest []byte, ok bool) {
	n, rest, ok := cutNumber(text)
	return time.Unix(n, 0), rest, ok && n <= farFuture.Unix()
}

// cutNumber takes a whole number, not negative, off the front of text.
func cutNumber(text []byte) (n int64, rest []byte, ok bool) {
	digits := 0
	for digits < len(text) && digits <= maxDigits && text[digits]-'0' <= 9 {
		n = n*10 + int64(text[digits]-'0')
		digits++
	}
	return n, text[digits:], digits == 1 || digits > 1 && digits <= maxDigits && text[0] != '0'
}

// memberName is a text of at most 16 bytes, made for comparing: its bytes in two words,
// and which of their bits count.
type memberName struct {
	size         int
	text, counts [2]uint64
}

func nameOf(text string) memberName {
	ones := bytes.Repeat([]byte{0xff}, len(text))
	return memberName{len(text), twoWords([]byte(text)), twoWords(ones)}
}

// twoWords returns the first 16 bytes of text, 0 for those that it lacks.
func twoWords(text []byte) [2]uint64 {
	if len(text) < 16 {
		var long [16]byte
		copy(long[:], text)
		text = long[:]
	}
	return [2]uint64{binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[8:])}
}

// begins reports whether a text, of which these are the first words, begins with n.
func (n *memberName) begins(words [2]uint64) bool {
	return words[0]&n.counts[0] == n.text[0] && words[1]&n.counts[1] == n.text[1]
}
