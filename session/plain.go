package session

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
	"time"
)

// Eight bytes are looked at together, by the top bit of each: what one borrows from the
// next, or carries to it, shows only above one whose own bit is set by one term or another.
const (
	each = 0x0101010101010101
	top  = 0x80 * each
)

// plain returns how many characters of text come before the first one that is a quotation
// mark, a backslash or not printable ASCII.
func plain(text []byte) int {
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

// bare reports whether encoding/json writes s as it is.
func bare(s string) bool {
	for i := range len(s) {
		if !asIs[s[i]] {
			return false
		}
	}
	return true
}

// asIs are the bytes that encoding/json writes as they are, wherever they stand.
var asIs = func() (is [256]bool) {
	for c := ' '; c <= '~'; c++ {
		is[c] = !strings.ContainsRune("\"\\<>&", c)
	}
	return is
}()

// cutString takes a string off the front of text, if all of it is plain.
func cutString(text []byte) (inside, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, text, false
	}
	end := 1 + plain(text[1:])
	if end == len(text) || text[end] != '"' {
		return nil, text, false
	}
	return text[1:end:end], text[end+1:], true
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
