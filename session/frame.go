package session

import (
	"encoding/binary"
	"time"
)

// frame is what stands behind the subject in the tokens of sessions: ids of one length
// and dates of ten digits, blank here, and what is between them. Nearly all tokens have
// it, so it is compared all at once.
const frame = `"sid":"` + blankID + `","jti":"` + blankID + `","iat":` + blankDate + `,"exp":` + blankDate + `,"auth_time":` + blankDate + `,"`

const (
	blankID   = "                      "
	blankDate = "          "

	sidAt      = len(`"sid":"`)
	jtiAt      = sidAt + len(blankID+`","jti":"`)
	iatAt      = jtiAt + len(blankID+`","iat":`)
	expAt      = iatAt + len(blankDate+`,"exp":`)
	authTimeAt = expAt + len(blankDate+`,"auth_time":`)
)

// framed are the bytes of frame in words, and which of their bits count.
var framed = func() (words [len(frame) / 8]struct{ text, counts uint64 }) {
	for i, c := range []byte(frame) {
		if c != ' ' {
			words[i/8].text |= uint64(c) << (i % 8 * 8)
			words[i/8].counts |= 0xff << (i % 8 * 8)
		}
	}
	return words
}()

// frame reads a frame, if rest begins with one, and returns what is left.
func (s *scanner) frame(rest []byte, p *payload) []byte {
	if !isFrame(rest) || plain(rest[sidAt:]) != idLen || plain(rest[jtiAt:]) != idLen {
		return rest
	}
	iat, okIat := tenDigits(rest[iatAt:])
	exp, okExp := tenDigits(rest[expAt:])
	authTime, okAuthTime := tenDigits(rest[authTimeAt:])
	if !okIat || !okExp || !okAuthTime {
		return rest
	}
	p.sid, p.jti = rest[sidAt:sidAt+idLen:sidAt+idLen], rest[jtiAt:jtiAt+idLen:jtiAt+idLen]
	p.iat, p.exp, p.authTime = time.Unix(iat, 0), time.Unix(exp, 0), time.Unix(authTime, 0)
	s.seen |= 1<<claimSid | 1<<claimJti | 1<<claimIat | 1<<claimExp | 1<<claimAuthTime
	return rest[len(frame)-1:] // the last quotation mark is that of the next member
}

// isFrame reports whether text begins like a frame, but for what is blank there.
func isFrame(text []byte) bool {
	if len(text) < len(frame) {
		return false
	}
	var differ uint64
	for i := range framed {
		differ |= (binary.LittleEndian.Uint64(text[8*i:]) ^ framed[i].text) & framed[i].counts
	}
	return differ == 0
}

// tenDigits reads a number of ten digits, the first of which is not 0, at the front of
// text. The last eight become four numbers of two digits, two of four, and one.
func tenDigits(text []byte) (n int64, ok bool) {
	x := binary.LittleEndian.Uint64(text[2:])
	bad := (x + (0x7f-'9')*each) | (x - '0'*each)
	if text[0]-'1' > 8 || text[1]-'0' > 9 || bad&top != 0 {
		return 0, false
	}
	x -= '0' * each
	x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
	x = (x*100 + x>>16) & 0x0000ffff0000ffff
	x = (x*10000 + x>>32) & 0xffffffff
	return (int64(text[0]-'0')*10+int64(text[1]-'0'))*1e8 + int64(x), true
}
