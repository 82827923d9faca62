package buildfarm

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// compareCredentials compares what Credentials reveal.
var compareCredentials = cmp.Comparer(func(a, b Credential) bool {
	return bytes.Equal(a.Reveal(), b.Reveal()) && a.Since.Equal(b.Since)
})

// TestHidden prints a credential in every way that logs and messages are made.
func TestHidden(t *testing.T) {
	const canary = "canary-7f3a"

	s := &watchedSecret{credential: NewCredential([]byte(canary), testTime)}
	if got := string(s.credential.Reveal()); got != canary {
		t.Fatalf("Reveal(): want the text, got %q", got)
	}

	marshalled, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}

	forms := map[string]string{
		"%v":   fmt.Sprintf("%v %v", *s, s.credential),
		"%+v":  fmt.Sprintf("%+v %+v", *s, s.credential),
		"%#v":  fmt.Sprintf("%#v %#v", *s, s.credential),
		"JSON": string(marshalled),
	}
	texts := []string{
		canary,
		base64.StdEncoding.EncodeToString([]byte(canary)),
		hex.EncodeToString([]byte(canary)),
		strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]"),
		strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(canary)), "[]byte"), "{}"),
	}

	for name, printed := range forms {
		for _, text := range texts {
			if strings.Contains(printed, text) {
				t.Errorf("%s: want no credentials, got %s", name, printed)
			}
		}
	}
}
