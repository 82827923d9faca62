package xrd

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/apiserver"
)

var seed = flag.Uint64("seed", 1, "seed of the random schemas; 0 takes another one every time")

// newSeed says how to repeat a test that fails.
func newSeed(t *testing.T) uint64 {
	t.Helper()

	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}

	t.Logf("to repeat: -seed %d", s)

	return s
}

// A subject is a CRD of EphemeralCluster with a random schema, and everything that
// Crossplane serves for the XRDs that are generated from it.
type subject struct {
	crd    *extv1.CustomResourceDefinition
	served map[string]*extv1.CustomResourceDefinition
}

// newSubject returns nil when an API server would not take the CRD.
func newSubject(t *testing.T, r random) *subject {
	t.Helper()

	crd := source(t).CRD
	crd.Spec.Versions = crd.Spec.Versions[:1]
	crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"] = r.spec()

	problems, err := validate(t.Context(), crd)
	if err != nil {
		t.Fatalf("validate(...): %v", err)
	}

	if len(problems) > 0 {
		return nil
	}

	src := &Source{CRD: crd}
	if _, err := Generate(t.Context(), src, options(), ""); err != nil {
		t.Fatalf("Generate(...) of a CRD that is valid: %v", err)
	}

	out := &subject{crd: crd, served: map[string]*extv1.CustomResourceDefinition{}}

	claims, err := Claims(crd, options())
	if err != nil {
		t.Fatalf("Claims(...): %v", err)
	}

	namespaced, err := Namespaced(crd, options())
	if err != nil {
		t.Fatalf("Namespaced(...): %v", err)
	}

	for form, x := range map[string]*xv1.CompositeResourceDefinition{"claims": claims, "namespaced": namespaced} {
		served, err := Serve(x)
		if err != nil {
			t.Fatalf("Serve(...): %v", err)
		}

		for _, crd := range served {
			crd.SetOwnerReferences(nil)
			out.served[form+"/"+crd.Spec.Names.Kind] = crd
		}
	}

	return out
}

// A tally counts what came of the values, so that a test that tests nothing fails.
type tally struct {
	subjects, skipped, accepted, changed, refused int
}

func (c *tally) check(t *testing.T) {
	t.Helper()
	t.Logf("%+v", *c)

	if c.subjects < c.skipped || c.accepted == 0 || c.changed == 0 || c.refused == 0 {
		t.Errorf("too little was tested: %+v", *c)
	}
}

// testAlike checks that values are accepted, refused, pruned and defaulted alike.
func testAlike(t *testing.T, r random, s *subject, values int, serve func(crd *extv1.CustomResourceDefinition) server, c *tally) {
	t.Helper()

	schema := s.crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	ours := serve(s.crd)

	servers := map[string]server{}
	for name, crd := range s.served {
		servers[name] = serve(crd)
	}

	for range values {
		spec := r.objectFor(schema)
		want, werr := ours.create(t, spec)

		switch {
		case werr != nil:
			c.refused++
		case cmp.Equal(want, spec):
			c.accepted++
		default:
			c.changed++
		}

		for name, theirs := range servers {
			got, err := theirs.create(t, spec)
			if (err == nil) != (werr == nil) {
				t.Fatalf("spec %v\nof schema %s\nEphemeralCluster: %v\n%s: %v", spec, raw(schema).Raw, werr, name, err)
			}

			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("spec %v\nof schema %s\nEphemeralCluster (-) and %s (+) make of it:\n%s", spec, raw(schema).Raw, name, diff)
			}
		}
	}
}

func TestRandomSchemas(t *testing.T) {
	const (
		schemas = 40
		values  = 30
	)

	s := newSeed(t)
	c := &tally{}

	for n := range uint64(schemas) {
		r := newRandom(s, n)

		sub := newSubject(t, r)
		if sub == nil {
			c.skipped++

			continue
		}

		c.subjects++

		testAlike(t, r, sub, values, func(crd *extv1.CustomResourceDefinition) server { return newInProcess(t, crd) }, c)
	}

	c.check(t)
}

// The same against a real API server, for fewer schemas: to serve them takes time.
func TestRandomSchemasOnAPIServer(t *testing.T) {
	if os.Getenv(apiserver.Assets) == "" {
		t.Skipf("%s does not say where kube-apiserver and etcd are", apiserver.Assets)
	}

	const (
		schemas = 6
		values  = 40
	)

	s := newSeed(t)
	c := &tally{}

	var (
		subjects []*subject
		crds     []*extv1.CustomResourceDefinition
	)

	for n := uint64(0); len(subjects) < schemas; n++ {
		sub := newSubject(t, newRandom(s, n))
		if sub == nil {
			c.skipped++

			continue
		}

		// They would all have the same few names.
		own := func(form string, crd *extv1.CustomResourceDefinition) {
			crd.Spec.Group = fmt.Sprintf("%s%d.example.org", form, n)
			crd.SetName(crd.Spec.Names.Plural + "." + crd.Spec.Group)
			crds = append(crds, crd)
		}

		own("crd", sub.crd)

		for form, crd := range sub.served {
			own(form[:len("claims")], crd)
		}

		subjects = append(subjects, sub)
	}

	kube, err := client.New(start(t, crds), client.Options{})
	if err != nil {
		t.Fatal(err)
	}

	for n, sub := range subjects {
		c.subjects++

		testAlike(t, newRandom(s, uint64(1000+n)), sub, values, func(crd *extv1.CustomResourceDefinition) server {
			return &remote{crd: crd, kube: kube}
		}, c)
	}

	c.check(t)
}
