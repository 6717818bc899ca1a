package adapters

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The Go in ADAPTERS.md stands in the files that it explains, line by line, and every
// file it names is there.
func TestDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("ADAPTERS.md")
	if err != nil {
		t.Fatal(err)
	}
	compiled := map[string]bool{}
	files, _ := filepath.Glob("*.go")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			compiled[strings.TrimSpace(line)] = true
		}
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	for _, b := range blocks {
		for line := range strings.Lines(b[1]) {
			if !compiled[strings.TrimSpace(line)] {
				t.Errorf("no file has the line %q", line)
			}
		}
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(page), -1)
	for _, l := range links {
		if _, err := os.Stat(l[1]); err != nil {
			t.Error(err)
		}
	}
	if len(blocks) < 4 || len(links) < 8 {
		t.Errorf("found %d blocks of Go and %d links: does the page have another form?", len(blocks), len(links))
	}
}
