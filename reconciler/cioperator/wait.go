package cioperator

import _ "embed"

// WaitScript is what the test step of a provisioned cluster runs: it ends when
// the tear-down signal exists, and for no other reason.
//
//go:embed wait-test-complete.sh
var WaitScript string
