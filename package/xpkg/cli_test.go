package xpkg

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCheckCLI(t *testing.T) {
	cases := map[string]struct {
		reason string
		pin    string
		cli    string
		fails  bool
	}{
		"Same": {
			reason: "It is built of the module that is pinned.",
			pin:    "require github.com/crossplane/cli/v2 v2.5.0 // indirect",
			cli:    "echo Client Version: v2.5.0",
		},
		"Released": {
			reason: "Versions of releases may be written without a v.",
			pin:    "require github.com/crossplane/cli/v2 v2.5.0",
			cli:    "echo Client Version: 2.5.0",
		},
		"Other": {
			reason: "Another version may build other packages of the same sources.",
			pin:    "require github.com/crossplane/cli/v2 v2.5.0",
			cli:    "echo Client Version: v2.4.0",
			fails:  true,
		},
		"Unknown": {
			reason: "A CLI that does not know its version may be any.",
			pin:    "require github.com/crossplane/cli/v2 v2.5.0",
			cli:    "echo Client Version:",
			fails:  true,
		},
		"NoCLI": {
			reason: "Some other program is no CLI of Crossplane's.",
			pin:    "require github.com/crossplane/cli/v2 v2.5.0",
			cli:    "exit 1",
			fails:  true,
		},
		"NoPin": {
			reason: "Any version may be the one that a checkout does not name.",
			cli:    "echo Client Version:",
			fails:  true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			cli, pin := filepath.Join(root, "crossplane"), filepath.Join(root, filepath.FromSlash(cliPin))

			if err := os.MkdirAll(filepath.Dir(pin), 0o750); err != nil {
				t.Fatal(err)
			}

			if err := os.WriteFile(pin, []byte("module a\n\n"+tc.pin+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}

			if err := os.WriteFile(cli, []byte("#!/bin/sh\n"+tc.cli+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}

			if err := CheckCLI(t.Context(), root, cli); (err != nil) != tc.fails {
				t.Errorf("%s\nCheckCLI(...): want error %t, got %v", tc.reason, tc.fails, err)
			}
		})
	}

	if err := CheckCLI(t.Context(), root, ""); err == nil {
		t.Error("CheckCLI(...): want an error for the path of no program")
	}
}
