package fetch

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestSays(t *testing.T) {
	cases := map[string]struct {
		reason  string
		answer  string
		version string
		want    bool
	}{
		"Kubernetes": {
			reason:  "Kubernetes' programs say their version behind their name.",
			answer:  "Kubernetes v1.36.3\n",
			version: "v1.36.3",
			want:    true,
		},
		"Etcd": {
			reason:  "etcd says it without v, in several lines.",
			answer:  "etcd Version: 3.6.16\nGit SHA: abc\nGo Version: go1.26.8\n",
			version: "v3.6.16",
			want:    true,
		},
		"Longer": {
			reason:  "A version that begins alike is another one.",
			answer:  "etcd Version: 3.6.16",
			version: "v3.6.1",
		},
		"PreRelease": {
			reason:  "A pre-release is another one.",
			answer:  "Kubernetes v1.36.3-rc.0",
			version: "v1.36.3",
		},
		"Nothing": {
			reason:  "What says nothing does not say it.",
			version: "v1.36.3",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := says(tc.answer, tc.version); got != tc.want {
				t.Errorf("\n%s\nsays(...): want %t, got %t", tc.reason, tc.want, got)
			}
		})
	}
}

func TestCheckBuild(t *testing.T) {
	const module, version = "example.com/tiny", "v1.2.3"

	build := func(path, version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Path: path, Version: version}, Settings: settings}
	}

	cases := map[string]struct {
		reason string
		info   *debug.BuildInfo
		fails  bool
	}{
		"Same": {
			reason: "A program of that module and version, for this machine, is the one.",
			info:   build(module, version, debug.BuildSetting{Key: "GOARCH", Value: runtime.GOARCH}, debug.BuildSetting{Key: "GOOS", Value: runtime.GOOS}),
		},
		"Dirty": {
			reason: "A release may write files before it builds.",
			info:   build(module, version+"+dirty"),
		},
		"OtherVersion": {
			reason: "Another version is another program.",
			info:   build(module, "v1.2.4"),
			fails:  true,
		},
		"OtherModule": {
			reason: "So is another module's.",
			info:   build("example.com/other", version),
			fails:  true,
		},
		"Unknown": {
			reason: "What does not say its version may be any.",
			info:   build(module, "(devel)"),
			fails:  true,
		},
		"OtherArchitecture": {
			reason: "What an image says of its platform may be wrong.",
			info:   build(module, version, debug.BuildSetting{Key: "GOARCH", Value: "z80"}),
			fails:  true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := checkBuild(Program{Module: module, Version: version}, tc.info)
			if (err != nil) != tc.fails {
				t.Errorf("\n%s\ncheckBuild(...): want error %t, got %v", tc.reason, tc.fails, err)
			}
		})
	}
}
