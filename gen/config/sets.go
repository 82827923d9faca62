package config

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/apiset"
)

// sets remembers the sets of definitions that were asked for.
type sets struct {
	checkout *apiset.Set
	out      string
	found    map[string]*apiset.Set
}

func newSets(p Paths) (*sets, error) {
	c, err := apiset.OfCheckout(p.Root)

	return &sets{checkout: c, out: filepath.Join(p.Root, p.Out), found: map[string]*apiset.Set{}}, err
}

func (s *sets) get(digest string) (*apiset.Set, error) {
	if found, ok := s.found[digest]; ok {
		return found, nil
	}

	set, err := apiset.Get(s.checkout, s.out, digest)
	if err != nil {
		return nil, err
	}

	s.found[digest] = set

	return set, nil
}

func (s *sets) used() []string {
	return slices.Sorted(maps.Keys(s.found))
}
