package main

import "strings"

// judge sets the verdict. The ring has answered with err.
func (x *explained) judge(noRing bool, c claims, err error) {
	x.status, x.Verdict = refused, "refused"
	exp, hasExp := c.Date("exp")
	iat, hasIat := c.Date("iat")
	nbf, _ := c.Date("nbf")
	x.Genuine = err == nil && !noRing
	switch {
	case len(x.Signatures) == 0:
		x.Why = cause(err)
	case noRing:
		x.unsure("no ring was given, so nothing of this is verified; give -file or -env")
	case err != nil && !x.anyLive():
		x.Why = cause(err) + ": this ring holds no live key that vouches for it"
	case err != nil:
		x.Why = cause(err)
	case !hasExp || !hasIat || x.Kind == "":
		x.Why = "it is genuine, but none of the tokens that servers take: exp, iat or the claim type is missing, or is not that of the header"
	case !x.now.Before(exp.Add(leeway)):
		x.Why = "it is genuine, but ended " + away(exp, x.now)
	case x.now.Add(leeway).Before(nbf):
		x.Why = "it is genuine, but begins " + away(nbf, x.now)
	case x.now.Add(maxAhead).Before(iat):
		x.unsure("it is genuine, but issued " + away(iat, x.now) + ": one of the clocks is wrong")
	default:
		x.accept()
	}
}

// unsure sets the verdict of what cannot be told.
func (x *explained) unsure(why string) { x.status, x.Verdict, x.Why = cannotTell, "unavailable", why }

// accept sets the verdict for a good token.
func (x *explained) accept() {
	x.status, x.Verdict = done, "accepted"
	x.Why = map[string]string{
		"access":  "an access token, by the keys of this ring; whether its session was ended only a server knows",
		"refresh": "a refresh token, by the keys of this ring; whether its session was ended only a server knows",
		"purpose": "a purpose token, by the keys of this ring; whether it was used before only a server knows",
	}[x.Kind]
	if x.legacy() {
		x.Why += "; it names no key, as tokens of other systems, which servers take until Config.LegacyUntil only"
	}
	if wrong := x.wrong(); wrong != "" {
		x.Why += "; but " + wrong + " did not sign it: a key has leaked, or the token was altered, and a refresh is refused"
	}
}

// anyLive reports whether the ring holds, live, a key that the token names.
func (x *explained) anyLive() bool {
	for _, s := range x.Signatures {
		if s.Held && !s.over() {
			return true
		}
	}
	return false
}

// wrong returns the live keys whose signature is wrong.
func (x *explained) wrong() string {
	var kids []string
	for _, s := range x.Signatures {
		if s.Verified && !s.Right && !s.over() {
			kids = append(kids, s.Key)
		}
	}
	return strings.Join(kids, ", ")
}

// over reports whether the key counts for nothing any more.
func (s *signature) over() bool { return s.State == "revoked" || s.State == "retired" }

// role says what kind of signature s is.
func (s *signature) role() string {
	if s.Cosigned {
		return "co-signed"
	}
	return "signed"
}

// standing says what the ring knows of the key of s.
func (x *explained) standing(s signature) string {
	if !s.Held && x.Ring != "" {
		return "not held"
	}
	return s.State
}

// finding says whether the signature is right, and whether it counts.
func (s *signature) finding() string {
	switch {
	case !s.Verified:
		return "not verified"
	case !s.Right:
		return "WRONG"
	case s.over():
		return "right, but counts for nothing"
	}
	return "right"
}
