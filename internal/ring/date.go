package ring

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// maxDate is the end of the year 9999 in Unix seconds.
const maxDate = 253402300799

// Date reads a NumericDate (RFC 7519, section 2): a JSON number of seconds,
// fractions allowed, from 1970 to the year 9999. The range is checked before any
// conversion, where 1e19 would become negative.
func Date(raw json.RawMessage) (time.Time, bool) {
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' {
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f < 0 || f > maxDate {
		return time.Time{}, false
	}
	sec := int64(f)
	return time.Unix(sec, int64((f-float64(sec))*1e9)), true
}

// Expiry returns the date of the member exp, if there is a good one.
func Expiry(members []strictjson.Member) (time.Time, bool) {
	for _, m := range members {
		if m.Name == "exp" {
			return Date(m.Raw)
		}
	}
	return time.Time{}, false
}
