package ring

import (
	"slices"
	"strings"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// header is what is read of a token header.
type header struct {
	kid, alg string
	typ      Type
}

// algorithms are those a key may have; "none" is no algorithm (RFC 8725, section 3.2).
var algorithms = map[string]bool{HS256: true, EdDSA: true, ES256: true, RS256: true, PS256: true}

// refused are header members that would change how the token is read, or name a
// key of the sender's choice. The payload is always encoded and no extension is
// understood (RFC 7515, section 4.1.11; RFC 7797), so a token that has one of
// them is not for us. Other unknown members are ignored, as section 4 says.
var refused = map[string]bool{"crit": true, "b64": true, "jku": true, "jwk": true, "x5u": true, "x5c": true, "x5t": true, "x5t#S256": true}

// parseHeader reads a header segment, with its dot, by the strict general path.
// It returns ErrNoKID, and the rest of the header, if only the kid is missing.
func parseHeader(head string) (header, error) {
	data, err := decode(strings.TrimSuffix(head, "."))
	if err != nil {
		return header{}, err
	}
	if h, ok := ours(string(data)); ok {
		return h, nil
	}
	members, err := strictjson.Object(data)
	if err != nil {
		return header{}, errHeader
	}
	texts := map[string]string{}
	for _, m := range members {
		switch {
		case refused[m.Name]:
			return header{}, errHeader
		case m.Name == "alg" || m.Name == "kid" || m.Name == "typ":
			text, ok := strictjson.String(m.Raw)
			if !ok || text == "" {
				return header{}, errHeader
			}
			texts[m.Name] = text
		}
	}
	return checkHeader(texts["alg"], texts["kid"], texts["typ"])
}

// ours reads a header in the one form in which rings write it, and finds what the
// general path would. While keys are rotated, most headers of other instances are
// such ones, under a key that this instance does not hold.
func ours(text string) (header, bool) {
	alg, rest, _ := strings.Cut(strings.TrimPrefix(text, `{"alg":"`), `","kid":"`)
	kid, rest, _ := strings.Cut(rest, `","typ":"`)
	h := header{kid: kid, alg: alg, typ: Type(strings.TrimSuffix(rest, `"}`))}
	_, _, ok := splitKID(kid)
	return h, ok && algorithms[alg] && slices.Contains(types, h.typ) && text == headerText(h.alg, h.kid, h.typ)
}

// headerText returns the header in the clear.
func headerText(alg, kid string, t Type) string {
	return `{"alg":"` + alg + `","kid":"` + kid + `","typ":"` + string(t) + `"}`
}

// checkHeader judges the members of a header, "" for absent.
func checkHeader(alg, kid, typ string) (header, error) {
	if !algorithms[alg] {
		return header{}, errAlgorithm
	}
	if kid == "" {
		if typ == "" || typ == "JWT" {
			return header{alg: alg}, ErrNoKID
		}
		return header{}, errHeader
	}
	h := header{kid: kid, alg: alg}
	if typ == "" {
		return h, nil
	}
	for _, t := range types { // a media type: without regard to case (RFC 2045, section 5.1)
		if strings.EqualFold(typ, string(t)) || strings.EqualFold(typ, "application/"+string(t)) {
			h.typ = t
			return h, nil
		}
	}
	return header{}, errHeader
}
