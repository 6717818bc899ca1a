package sessionring_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sessionring/sessionring/"

// allowed lists, for each folder of the published module, which other packages of
// this module its code may import. A folder without an entry is a fault.
var allowed = map[string][]string{
	".":                   {},
	"internal/fetch":      {},
	"internal/race":       {},
	"internal/strictjson": {},
	"internal/table":      {},
	"internal/ring":       {"internal/strictjson"},
	"keyring":             {"internal/fetch", "internal/ring", "internal/strictjson"},
	"keyring/cmd/keyring": {"keyring"},
	"session":             {"internal/fetch", "internal/ring", "internal/strictjson", "internal/table", "keyring"},
	"session/memstore":    {},
	"session/sqlstore":    {},
	"session/redisstore":  {},
	"session/storetest":   {"keyring", "session"},
	"session/sessiontest": {"cookie", "internal/ring", "keyring", "session", "session/memstore"},
	"cookie":              {},
	"health":              {"keyring", "session"},
	"health/dashboard":    {"health", "internal/strictjson", "internal/table", "keyring", "session", "session/memstore"},
	"health/monitor":      {},
}

// jwx is the JWT library. One file knows of it, and of one of its packages: that is
// what SECURITY.md says.
const (
	jwx        = "github.com/lestrrat-go/jwx/v2"
	jwxFile    = "keyring/jwk.go"
	jwxPackage = jwx + "/jwk"
)

// TestImports holds every file of the published module against the direction of
// imports: internal/ring <- keyring <- session <- health, while cookie and the
// stores import nothing of ours.
func TestImports(t *testing.T) {
	t.Parallel()
	all := sources(t)
	for file, imports := range all {
		if !strings.HasSuffix(file, "_test.go") {
			checkOurs(t, file, imports)
		}
		for _, i := range imports {
			if strings.Contains(i, "/jwx") && (file != jwxFile || i != jwxPackage) {
				t.Errorf("%s imports %s; only %s may import a JWT library, and only %s", file, i, jwxFile, jwxPackage)
			}
		}
	}
	if !slices.Contains(all[jwxFile], jwxPackage) {
		t.Errorf("%s does not import %s: does the test look for the wrong name?", jwxFile, jwxPackage)
	}
}

// checkOurs reports the imports of file that its folder is not allowed.
func checkOurs(t *testing.T, file string, imports []string) {
	dir := path.Dir(file)
	ok, known := allowed[dir]
	if !known {
		t.Errorf("%s: no rule for folder %s: add one to this test", file, dir)
	}
	for _, i := range imports {
		if ours, is := strings.CutPrefix(i, module); is && ours != dir && !slices.Contains(ok, ours) {
			t.Errorf("%s imports %s, which packages in %s must not", file, ours, dir)
		}
	}
}

// sources returns the imports of every Go file of the published module. Folders
// with a go.mod of their own are other modules.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || exists(filepath.Join(file, "go.mod"))):
			return filepath.SkipDir
		case filepath.Ext(file) == ".go":
			found[filepath.ToSlash(file)] = importsOf(t, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("found only %d files: is the test run in the root of the module?", len(found))
	}
	return found
}

func importsOf(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, i := range f.Imports {
		name, _ := strconv.Unquote(i.Path.Value)
		list = append(list, name)
	}
	return list
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// TestRequirements holds go.mod to the requirements that the design allows: a
// user of the library gets these and what they bring, and nothing else.
func TestRequirements(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	ok := []string{jwx, "github.com/google/go-cmp", "golang.org/x/crypto"}
	direct := 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.HasPrefix(line, "\t") || strings.Contains(line, "// indirect") {
			continue
		}
		direct++
		if !slices.Contains(ok, fields[0]) {
			t.Errorf("go.mod requires %s: a new requirement of the published module needs a reason in the design", fields[0])
		}
	}
	if direct == 0 {
		t.Error("found no direct requirement: has go.mod another form?")
	}
}

// TestFileSize keeps files readable in one sitting.
func TestFileSize(t *testing.T) {
	t.Parallel()
	for file := range sources(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(data), "\n"); n > 400 {
			t.Errorf("%s has %d lines, want at most 400: split it by idea", file, n)
		}
	}
}
