package definitions

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOfCheckout(t *testing.T) {
	s, err := OfCheckout("../..")
	if err != nil {
		t.Fatal(err)
	}

	want := []string{"claims/composition.yaml", "claims/xrd.yaml", "crd/ephemeralclusters.yaml", "v2/composition.yaml", "v2/xrd.yaml"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(s))); diff != "" {
		t.Errorf("OfCheckout(...): -want, +got:\n%s", diff)
	}

	b, err := os.ReadFile(filepath.Join("..", "..", "xrd", "v2.yaml"))
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(string(b), string(s["v2/xrd.yaml"])); diff != "" {
		t.Errorf("OfCheckout(...): -want, +got:\n%s", diff)
	}

	if _, err := OfCheckout(t.TempDir()); err == nil {
		t.Error("OfCheckout(...): want an error where there are no definitions")
	}
}

func TestDigest(t *testing.T) {
	base := Set{"a": []byte("1"), "b": []byte("2")}

	cases := map[string]struct {
		reason string
		set    Set
		same   bool
	}{
		"Same":    {reason: "The same content has the same digest.", set: Set{"b": []byte("2"), "a": []byte("1")}, same: true},
		"Content": {reason: "Another content is another set.", set: Set{"a": []byte("1"), "b": []byte("3")}},
		"Path":    {reason: "So is the same elsewhere.", set: Set{"a": []byte("1"), "c": []byte("2")}},
		"Swapped": {reason: "So is content that has changed places.", set: Set{"a": []byte("2"), "b": []byte("1")}},
		"Less":    {reason: "So is a part of it.", set: Set{"a": []byte("1")}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.set.Digest() == base.Digest(); got != tc.same {
				t.Errorf("%s\nDigest(): want the same %t, got %s and %s", tc.reason, tc.same, base.Digest(), tc.set.Digest())
			}
		})
	}
}
