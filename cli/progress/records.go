package progress

import (
	"encoding/json"
	"io"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
)

// Records writes each state that differs from the last as a line of JSON.
type Records struct {
	out  io.Writer
	last string
}

// NewRecords returns a reporter that writes JSON.
func NewRecords(out io.Writer) *Records { return &Records{out: out} }

// State writes a state.
func (r *Records) State(s cluster.State) {
	// A state has nothing that cannot be marshalled.
	b, _ := json.Marshal(s) //nolint:errchkjson,gosec // See above; of the Secret it has the name.

	if string(b) == r.last {
		return
	}

	r.last = string(b)

	_, _ = r.out.Write(append(b, '\n'))
}

// Trouble writes nothing: it is not about the cluster.
func (*Records) Trouble(error) {}

// Close does nothing: all is written.
func (*Records) Close() {}
