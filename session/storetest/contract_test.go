package storetest

import (
	"os"
	"strings"
	"testing"
)

// TestSentences finds every sentence that failures quote in the contract.
func TestSentences(t *testing.T) {
	source, err := os.ReadFile("../store.go")
	if err != nil {
		t.Fatal(err)
	}
	contract := strings.Join(strings.Fields(strings.ReplaceAll(string(source), "//", "")), " ")
	for _, sentence := range []string{small, safe, clock, never, live, equal, nilOld, listing, counting, appending, again, behind, unknown} {
		if !strings.Contains(contract, sentence) {
			t.Errorf("session/store.go does not say %q", sentence)
		}
	}
}
