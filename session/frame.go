package session

import (
	"encoding/binary"
	"time"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// What stands behind the subject in the tokens of sessions are ids of one length and
// dates of ten digits, so that all of it lies in fixed places:
//
//	"sid":"......................","jti":"......................","iat":..........,"exp":..........,"auth_time":..........,"
//
// Tokens of a purpose, and those that say their subject a second time for older readers,
// have another form, and are read member by member.
const (
	sidAt      = len(`"sid":"`)
	sidEnd     = sidAt + idLen
	jtiAt      = sidEnd + len(`","jti":"`)
	jtiEnd     = jtiAt + idLen
	iatAt      = jtiEnd + len(`","iat":`)
	iatEnd     = iatAt + dateLen
	expAt      = iatEnd + len(`,"exp":`)
	expEnd     = expAt + dateLen
	authTimeAt = expEnd + len(`,"auth_time":`)
	frameEnd   = authTimeAt + dateLen
	frameLen   = frameEnd + len(`,"`)

	dateLen = 10
)

// date appends a date, as encoding/json writes a number.
func (b builder) date(t time.Time) builder {
	n := t.Unix()
	if n < 1e9 || n > 9_999_999_999 {
		return b.number(n)
	}
	front, x := uint64(n)/1e8, uint64(n)%1e8
	x = x/10000 | x%10000<<32              // two numbers of four digits, the first one in the low half
	q := x * 10486 >> 20 & 0x7f0000007f    // hundreds: right up to 9999
	x = q | (x-100*q)<<16                  // four of two
	q = x * 103 >> 10 & 0x000f000f000f000f // tens: right up to 99
	x = q | (x-10*q)<<8                    // eight of one
	b = append(b, byte('0'+front/10), byte('0'+front%10))
	return binary.LittleEndian.AppendUint64(b, x|'0'*each)
}

// frame reads these members, if rest begins with them in this form, and returns what is
// left.
func (s *scanner) frame(rest []byte, p *payload) []byte {
	if len(rest) < frameLen || !isFrame((*[frameLen]byte)(rest)) || strictjson.Plain(rest[sidAt:]) != idLen || strictjson.Plain(rest[jtiAt:]) != idLen {
		return rest
	}
	iat, okIat := tenDigits(rest[iatAt:iatEnd])
	exp, okExp := tenDigits(rest[expAt:expEnd])
	authTime, okAuthTime := tenDigits(rest[authTimeAt:frameEnd])
	if !okIat || !okExp || !okAuthTime {
		return rest
	}
	p.sid, p.jti = rest[sidAt:sidEnd:sidEnd], rest[jtiAt:jtiEnd:jtiEnd]
	p.iat, p.exp, p.authTime = time.Unix(iat, 0), time.Unix(exp, 0), time.Unix(authTime, 0)
	s.seen |= 1<<claimSid | 1<<claimJti | 1<<claimIat | 1<<claimExp | 1<<claimAuthTime
	return rest[frameEnd+1:]
}

// isFrame reports whether text has the names of these members in their places.
func isFrame(text *[frameLen]byte) bool {
	return string(text[:sidAt]) == `"sid":"` &&
		string(text[sidEnd:jtiAt]) == `","jti":"` &&
		string(text[jtiEnd:iatAt]) == `","iat":` &&
		string(text[iatEnd:expAt]) == `,"exp":` &&
		string(text[expEnd:authTimeAt]) == `,"auth_time":` &&
		string(text[frameEnd:]) == `,"`
}

// each is 1 in each of eight bytes, and top the top bit of each.
const (
	each = 0x0101010101010101
	top  = 0x80 * each
)

// tenDigits reads a number of ten digits, the first of which is not 0. The last eight
// become four numbers of two digits, two of four, and one.
func tenDigits(text []byte) (n int64, ok bool) {
	x := binary.LittleEndian.Uint64(text[2:])
	bad := (x + (0x7f-'9')*each) | (x - '0'*each) // as strictjson.Plain finds what is not plain
	if text[0]-'1' > 8 || text[1]-'0' > 9 || bad&top != 0 {
		return 0, false
	}
	x -= '0' * each
	x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
	x = (x*100 + x>>16) & 0x0000ffff0000ffff
	x = (x*10000 + x>>32) & 0xffffffff
	return (int64(text[0]-'0')*10+int64(text[1]-'0'))*1e8 + int64(x), true
}
