package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCutOff changes which credential clusters use, from what is there to what is generated.
func TestCutOff(t *testing.T) {
	const (
		stg2  = "  - name: stg-2\n"
		begin = stg2 + "    namespace: ephemeral-cluster-stg-2\n    formerNamespaces: [ephemeral-cluster-staging]\n"

		prepared = begin + "    credential: {vaultPath: own, tokenVersions: [1]}\n"
		fetched  = begin + "    credential: {vaultPath: own, tokenVersions: [1], inUse: true}\n    formerCredential: staging\n"
		held     = begin + "    credential: {vaultPath: own, tokenVersions: [1], inUse: true}\n"

		prd1   = "  - name: prd-1\n"
		moved  = prd1 + "  - name: stg-2\n"
		moving = prd1 + "  - {name: stg-2, formerCredential: staging, formerNamespaces: [ephemeral-cluster-staging]}\n"
	)

	cutOff := func(cluster, account string) []string {
		return []string{cluster + " would be cut off from app.ci: it may still use ServiceAccount " + account + ", which is to serve it no more. Say whose that is in its formerCredential until the cluster is known to have the other"}
	}

	// step replaces texts, in pairs.
	type step []string

	cases := map[string]struct {
		reason string
		there  []step
		change step
		want   []string
	}{
		"Prepared": {
			reason: "A credential that is not used yet takes nothing away.",
			change: step{stg2, prepared},
		},
		"Fetched": {
			reason: "While a cluster fetches another, either serves it.",
			there:  []step{{stg2, prepared}},
			change: step{prepared, fetched},
		},
		"Held": {
			reason: "Once it has that, the former may end.",
			there:  []step{{stg2, prepared}, {prepared, fetched}},
			change: step{fetched, held},
		},
		"AtOnce": {
			reason: "A cluster that is there has its environment's, whatever the file says.",
			change: step{stg2, held},
			want:   cutOff("stg-2", "konflux-staging"),
		},
		"NotFetched": {
			reason: "That there is another does not say that the cluster has it.",
			there:  []step{{stg2, prepared}},
			change: step{prepared, held},
			want:   cutOff("stg-2", "konflux-staging"),
		},
		"GivenUp": {
			reason: "Nor does a way back go in one step.",
			there:  []step{{stg2, prepared}, {prepared, fetched}, {fetched, held}},
			change: step{held, stg2},
			want:   cutOff("stg-2", "konflux-stg-2"),
		},
		"Moved": {
			reason: "To another environment it is no different.",
			change: step{stg2, "", prd1, moved},
			want:   cutOff("stg-2", "konflux-staging"),
		},
		"Moving": {
			reason: "One that moves says so.",
			change: step{stg2, "", prd1, moving},
		},
		"Renamed": {
			reason: "A ServiceAccount is named after its environment, so that another name is another credential.",
			change: step{"- name: production", "- name: prod"},
			want:   cutOff("prd-1", "konflux-production"),
		},
		"New": {
			reason: "A new cluster has none to lose.",
			change: step{stg2, stg2 + "  - {name: stg-3, namespace: ephemeral-cluster-stg-3, credential: {vaultPath: own, tokenVersions: [1], inUse: true}}\n"},
		},
		"Gone": {
			reason: "Nor has one that is removed.",
			change: step{stg2, ""},
		},
		"Path": {
			reason: "The same credential may be kept elsewhere.",
			change: step{"vaultPath: staging/appci", "vaultPath: stage/appci"},
		},
		"Rotated": {
			reason: "And have another token.",
			change: step{"[1, 2] #", "[1, 2, 3] #"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := newCheckout(t, fixture)
			generate(t, p)

			for _, s := range tc.there {
				replaceAll(t, p, s)
				generate(t, p)
			}

			replaceAll(t, p, tc.change)

			files, err := Generate(p)
			if err != nil {
				t.Fatalf("\n%s\nGenerate(...): %v", tc.reason, err)
			}

			got, err := CutOff(p, files)
			if err != nil {
				t.Fatalf("\n%s\nCutOff(...): %v", tc.reason, err)
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("\n%s\nCutOff(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestCutOffFromNothing generates where nothing was, and where nothing can be read.
func TestCutOffFromNothing(t *testing.T) {
	p := newCheckout(t, fixture)

	files, err := Generate(p)
	if err != nil {
		t.Fatalf("Generate(...): %v", err)
	}

	if got, err := CutOff(p, files); len(got) > 0 || err != nil {
		t.Errorf("CutOff(...): want nothing where nothing is, got %v, %v", got, err)
	}

	generate(t, p)
	put(t, p, "deploy/app.ci/policies.yaml", "<<<<<<< a conflict")
	put(t, p, "deploy/konflux/staging/base/external-secret.yaml", "<<<<<<< a conflict")

	if got, err := CutOff(p, files); len(got) > 0 || err != nil {
		t.Errorf("CutOff(...): want what cannot be read to be written anew, got %v, %v", got, err)
	}
}

func replaceAll(t *testing.T, p Paths, pairs []string) {
	t.Helper()

	for i := 0; i+1 < len(pairs); i += 2 {
		replace(t, p, p.File, pairs[i], pairs[i+1])
	}
}
