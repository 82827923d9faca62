//go:build linux

package process

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// StateFile is the name of the file, in a group's directory, that its processes
// are written down in.
const StateFile = "processes.json"

// state is what a group writes down.
type state struct {
	mu   sync.Mutex
	path string

	Owner     Identity   `json:"owner"`
	Processes []Identity `json:"processes,omitempty"`
}

func newState(dir string) (*state, error) {
	owner, err := Identify("", os.Getpid())
	if err != nil {
		return nil, err
	}

	s := &state{path: filepath.Join(dir, StateFile), Owner: owner}

	err = s.write()

	return s, err
}

func (s *state) add(name string, pid int) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	id, err := Identify(name, pid)
	if err != nil {
		return err
	}

	s.Processes = append(s.Processes, id)

	return s.write()
}

func (s *state) write() error {
	b, err := json.Marshal(s)
	if err != nil {
		return errors.Wrap(err, "cannot encode the process state")
	}

	tmp := s.path + ".tmp"
	if err := os.WriteFile(tmp, b, 0o600); err != nil { //nolint:gosec // The path is the caller's own directory.
		return errors.Wrap(err, "cannot write the process state")
	}

	return errors.Wrap(os.Rename(tmp, s.path), "cannot write the process state") //nolint:gosec // As above.
}

func readState(path string) (*state, error) {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, errors.Wrap(err, "cannot read the process state")
	}

	s := &state{}

	return s, errors.Wrap(json.Unmarshal(b, s), "cannot parse the process state")
}
