package kubeconfig

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/moby/sys/atomicwriter"
)

// put writes a file, which has a mode afterwards unless it is no regular one. Where nothing
// but the content changes by that, another file takes its place at once, so that nobody
// reads half of it. Links, mounts, pipes and files of others are written through.
func put(file string, b []byte, mode os.FileMode) error {
	target, replaceable, err := resolve(file)
	if err != nil {
		return errors.Wrapf(err, "cannot write %s", file)
	}

	if replaceable {
		err := atomicwriter.WriteFile(target, b, mode)
		if !slices.ContainsFunc(keptInPlace(), func(kept syscall.Errno) bool { return errors.Is(err, kept) }) {
			return errors.Wrapf(err, "cannot write %s", file)
		}
	}

	return errors.Wrapf(overwrite(file, b, mode), "cannot write %s", file)
}

// keptInPlace is why a file can be written whose place cannot be taken: something is mounted
// there, or nothing else may be made beside it.
func keptInPlace() []syscall.Errno {
	return []syscall.Errno{syscall.EBUSY, syscall.EXDEV, syscall.EACCES, syscall.EPERM, syscall.EROFS}
}

// resolve returns the file that a link leads to, and whether another could take its place.
func resolve(file string) (target string, replaceable bool, err error) {
	info, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		_, err := os.Lstat(file)

		// A link may lead to where there is nothing yet.
		return file, errors.Is(err, os.ErrNotExist), nil
	}

	if err != nil {
		return "", false, err
	}

	target, err = filepath.EvalSymlinks(file)

	return target, err == nil && info.Mode().IsRegular() && ours(info), nil
}

// ours reports whether a file that we would make has the same owner, and takes no other name
// away from this one.
func ours(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)

	return ok && stat.Nlink == 1 && int(stat.Uid) == os.Geteuid() && int(stat.Gid) == os.Getegid()
}

func overwrite(file string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(filepath.Clean(file), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}

	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm() != mode {
		err = f.Chmod(mode)
	}

	if err == nil {
		_, err = f.Write(b)
	}

	return errors.Join(err, f.Close())
}
