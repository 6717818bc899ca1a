package strictjson_test

import (
	"strings"
	"testing"

	"github.com/sessionring/sessionring/internal/strictjson"
)

// payload has the size and shape of the claims of a session.
const payload = `{"iss":"https://id.example.com","aud":"shop","sub":"user-0123456789","sid":"AAECAwQFBgcICQoLDA0ODw",` +
	`"jti":"EBESExQVFhcYGRobHB0eHw","iat":1899999100,"exp":1900000000,"auth_time":1899990000,"type":"access","version":"v2",` +
	`"roles":["admin","editor"],"cs":{"AAAAAAAA":"AAAAAAAAAAAAAAAAAAAAAA"}}`

func BenchmarkObject(b *testing.B) {
	data := []byte(payload)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := strictjson.Object(data); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAllocations: anybody may send a payload under a key that nobody holds, so
// what it holds must not cost memory by the piece.
func TestAllocations(t *testing.T) {
	many := `{"a":[` + strings.Repeat(`{"b":1},[],`, 300) + `"c"]}`
	for name, in := range map[string]string{"claims": payload, "many values": many} {
		data := []byte(in)
		got := testing.AllocsPerRun(100, func() { strictjson.Object(data) })
		if got > 3 {
			t.Errorf("%s: got %v allocations, want at most 3", name, got)
		}
	}
}
