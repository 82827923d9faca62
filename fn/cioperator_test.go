package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
)

func TestCIOperatorFor(t *testing.T) {
	const claim = "{cloud: aws, owner: openshift-ci, version: '4.20'}"

	cases := map[string]struct {
		reason  string
		spec    string
		asked   string
		want    string
		wantErr bool
	}{
		"EmptyMeansUnset": {
			reason: "What pipelines write to say nothing is left out.",
			spec: `{baseImages: {}, buildRoot: {}, resources: {"*": {limits: {}}}, releases: null,
				test: {workflow: w, clusterProfile: aws, clusterClaim: {}}}`,
			want: "{test: {workflow: w, clusterProfile: aws}}",
		},
		"EmptyProfile": {
			reason: "An empty cluster profile beside a cluster claim is none.",
			spec:   `{test: {clusterProfile: "", clusterClaim: ` + claim + `}}`,
			want:   `{test: {clusterClaim: ` + claim + `}}`,
		},
		"EnvStays": {
			reason: "An empty environment variable is a value, and so is an empty label.",
			spec:   `{test: {env: {K: ""}, clusterClaim: {cloud: aws, owner: o, version: v, labels: {l: ""}}}}`,
			want:   `{test: {env: {K: ""}, clusterClaim: {cloud: aws, owner: o, version: v, labels: {l: ""}}}}`,
		},
		"ElementsStay": {
			reason: "No element of a list is left out.",
			spec:   `{buildRoot: {project_image: {build_args: [{}, {name: a, value: ""}], inputs: {i: {as: ["", b], paths: []}}}}, test: {clusterProfile: aws}}`,
			want:   `{buildRoot: {project_image: {build_args: [{}, {name: a}], inputs: {i: {as: ["", b]}}}}, test: {clusterProfile: aws}}`,
		},
		"FalseAndZeroStay": {
			reason: "Only what is empty is unset.",
			spec:   `{buildRoot: {from_repository: false}, releases: {latest: {candidate: {relative: 0, product: ocp, stream: nightly, version: "4.20"}}}, test: {clusterProfile: aws}}`,
			want:   `{buildRoot: {from_repository: false}, releases: {latest: {candidate: {relative: 0, product: ocp, stream: nightly, version: "4.20"}}}, test: {clusterProfile: aws}}`,
		},
		"UnknownField": {
			reason: "A field that is newer than this code travels.",
			spec:   `{brandNew: {a: 1}, test: {clusterProfile: aws, other: true}}`,
			want:   `{brandNew: {a: 1}, test: {clusterProfile: aws, other: true}}`,
		},
		"Neither":   {reason: "A cluster must come from somewhere.", spec: "{test: {workflow: w}}", wantErr: true},
		"Both":      {reason: "A cluster must come from one place.", spec: "{test: {clusterProfile: aws, clusterClaim: " + claim + "}}", wantErr: true},
		"Missing":   {reason: "A request must ask for something.", wantErr: true},
		"NotAnObj":  {reason: "A request must be an object.", spec: `"aws"`, wantErr: true},
		"WrongType": {reason: "A field of the wrong type is told before app.ci refuses it.", spec: "{test: {clusterProfile: aws, env: [a]}}", wantErr: true},
		"EmptyRequired": {
			reason:  "An empty string is no version.",
			spec:    `{releases: {latest: {release: {channel: stable, version: ""}}}, test: {clusterProfile: aws}}`,
			wantErr: true,
		},
		"AllEmpty": {
			reason:  "Nor is a release without anything in it no release.",
			spec:    `{releases: {latest: {release: {channel: "", version: ""}}}, test: {clusterProfile: aws}}`,
			wantErr: true,
		},
		"MissingRequired": {
			reason:  "What the schema requires has to be there.",
			spec:    `{releases: {latest: {release: {channel: stable}}}, test: {clusterProfile: aws}}`,
			wantErr: true,
		},
		"LiveEmptyRequired": {
			reason:  "Nor can it become so.",
			spec:    `{releases: {latest: {release: {channel: stable, version: ""}}}, test: {clusterProfile: aws}}`,
			asked:   `{releases: {latest: {release: {channel: stable, version: "4.20"}}}, test: {clusterProfile: aws}}`,
			want:    `{releases: {latest: {release: {channel: stable, version: "4.20"}}}, test: {clusterProfile: aws}}`,
			wantErr: true,
		},
		"LiveUnchanged": {
			reason: "Empty values that a live cluster was made with stay.",
			spec:   `{resources: {}, test: {clusterProfile: aws}}`,
			asked:  `{resources: {}, test: {clusterProfile: aws}}`,
			want:   `{resources: {}, test: {clusterProfile: aws}}`,
		},
		"LiveSameMeaning": {
			reason: "Empty values that come or go are no change.",
			spec:   `{test: {clusterProfile: aws}}`,
			asked:  `{resources: {}, test: {clusterProfile: aws}}`,
			want:   `{resources: {}, test: {clusterProfile: aws}}`,
		},
		"LiveChanged": {
			reason: "A change travels.",
			spec:   `{resources: {}, test: {clusterProfile: gcp}}`,
			asked:  `{resources: {}, test: {clusterProfile: aws}}`,
			want:   `{test: {clusterProfile: gcp}}`,
		},
		"LiveImpossible": {
			reason:  "An impossible change does not.",
			spec:    `{test: {}}`,
			asked:   `{test: {clusterProfile: aws}}`,
			want:    `{test: {clusterProfile: aws}}`,
			wantErr: true,
		},
		"LiveGone": {
			reason:  "Nor does the loss of it all.",
			asked:   `{test: {clusterProfile: aws}}`,
			want:    `{test: {clusterProfile: aws}}`,
			wantErr: true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, ec := composite{}, observedEC{}
			if tc.spec != "" {
				c.spec = fromYAML("{ciOperator: " + tc.spec + "}")
			}

			if tc.asked != "" {
				ec.asked = fromYAML("{spec: {ciOperator: " + tc.asked + "}}")
			}

			var want *structpb.Value
			if tc.want != "" {
				want = at(fromYAML("{v: "+tc.want+"}"), "v")
			}

			got, err := ciOperatorFor(c, ec, testFunction().schema)
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("%s\nciOperatorFor(...): -want, +got:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.wantErr, err != nil); diff != "" {
				t.Errorf("%s\nciOperatorFor(...): -want error, +got error:\n%s\n%v", tc.reason, diff, err)
			}
		})
	}
}
