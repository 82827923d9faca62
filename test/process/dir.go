//go:build linux

package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// made is what MakeDir has made in this program.
var made = struct { //nolint:gochecknoglobals // A program ends once, as a whole.
	sync.Mutex

	dirs  map[string]*Group
	ended bool
}{dirs: map[string]*Group{}}

// MakeDir makes a directory below parent whose name starts with prefix, and a
// group whose processes are written down there. Reap can clear it from the
// moment that it exists.
func MakeDir(parent, prefix string) (string, *Group, error) {
	made.Lock()
	defer made.Unlock()

	if made.ended {
		return "", nil, errors.New("cannot make a directory: the program is ending")
	}

	owner, err := Identify("", os.Getpid())
	if err != nil {
		return "", nil, err
	}

	unfinished := maker{pid: owner.PID, start: owner.Start}.prefix()

	tmp, err := os.MkdirTemp(parent, unfinished+prefix)
	if err != nil {
		return "", nil, errors.Wrap(err, "cannot make a directory")
	}

	dir := filepath.Join(parent, strings.TrimPrefix(filepath.Base(tmp), unfinished))

	g, err := finishDir(tmp, dir)
	if err != nil {
		_ = os.RemoveAll(tmp) //nolint:gosec // Both names are ours.
		_ = os.RemoveAll(dir) //nolint:gosec // As above.

		return "", nil, err
	}

	made.dirs[dir] = g

	return dir, g, nil
}

// finishDir gives a directory an owner and then its name.
func finishDir(tmp, dir string) (*Group, error) {
	if _, err := newState(tmp); err != nil {
		return nil, err
	}

	if err := os.Rename(tmp, dir); err != nil { //nolint:gosec // As above.
		return nil, errors.Wrap(err, "cannot make a directory")
	}

	return NewGroup(dir)
}

// EndAll stops every group that MakeDir has made in this program and removes their
// directories. No more can be made afterwards: it is for a program that is about to
// exit and cannot wait for those who use the groups.
func EndAll() {
	made.Lock()
	defer made.Unlock()

	made.ended = true

	var wg sync.WaitGroup

	for _, g := range made.dirs {
		wg.Go(g.Stop)
	}

	wg.Wait()

	for dir := range made.dirs {
		_ = os.RemoveAll(dir)
	}
}

// maker is who makes a directory. Until there is a state file in it, the directory's
// name says who that is: a kill may come at any time.
type maker struct {
	pid   int
	start uint64
}

const makerFormat = ".new-%d-%d-"

func (m maker) prefix() string { return fmt.Sprintf(makerFormat, m.pid, m.start) }

// parseUnfinished reads from a directory's name who is making it, if it is unfinished
// and of this prefix.
func parseUnfinished(name, prefix string) (maker, bool) {
	m := maker{}

	if _, err := fmt.Sscanf(name, makerFormat, &m.pid, &m.start); err != nil {
		return maker{}, false
	}

	return m, strings.HasPrefix(name, m.prefix()+prefix)
}
