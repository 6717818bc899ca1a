package keyring_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// One file of the package imports the JWT library, and of that only JWK (section 4
// of the design), and one the cipher that seals. Below us there are only
// internal/fetch, internal/ring and internal/strictjson.
func TestImports(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	const ours, jwx = "github.com/sessionring/sessionring/", "github.com/lestrrat-go/jwx/v2/"
	allowed := map[string]string{ours + "internal/fetch": "", ours + "internal/ring": "", ours + "internal/strictjson": "", jwx + "jwk": "jwk.go", "golang.org/x/crypto/chacha20poly1305": "seal.go"}
	seen := false
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			only, ok := allowed[path]
			if strings.Contains(path, ".") && (!ok || only != "" && only != name) {
				t.Errorf("%s imports %s", name, path)
			}
			seen = seen || path == jwx+"jwk"
		}
	}
	if !seen {
		t.Error("no file imports the JWT library: the test looks in the wrong place")
	}
}
