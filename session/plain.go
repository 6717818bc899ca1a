package session

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"
)

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
