package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/archive"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/changelog"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/definitions"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/program"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/sbom"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/tasks"
)

const (
	// ChecksumsFile has the checksum of every other file, as sha256sum reads it.
	ChecksumsFile = "SHA256SUMS"

	// DigestsFile has what to pull everything by, once it is pushed, and the digest of
	// the definitions.
	DigestsFile = "DIGESTS"

	// TasksFile has all Tekton tasks.
	TasksFile = "tasks.yaml"

	// TasksDir has a file of each of them.
	TasksDir = "tasks"

	changelogFile = "CHANGELOG.md"
)

// Assets builds a release and puts its files in a directory, flat as pages of releases
// have them, but for a directory of tasks whose file names are unique: programs for
// people, images as archives of OCI layouts, packages, tasks that run those images, what
// each program, image and package is made of, what has changed, digests, and the checksums
// of all that.
func (r *Release) Assets(ctx context.Context, dir string) error {
	if err := r.Source.CheckRelease(); err != nil {
		return err
	}

	changes, err := os.ReadFile(filepath.Join(r.Root, changelogFile))
	if err != nil {
		return errors.Wrap(err, "cannot read the changelog")
	}

	section, err := changelog.Section(string(changes), r.Version, r.Source.Time.Format("2006-01-02"))
	if err != nil {
		return err
	}

	// Before the first, there is none whose image they could run.
	if before := changelog.Before(string(changes), r.Version); before != "" {
		if err := tasks.CheckVersion(r.Root, before); err != nil {
			return err
		}
	}

	if err := fresh(dir); err != nil {
		return err
	}

	if err := r.buildAssets(ctx, dir); err != nil {
		return err
	}

	if err := write(filepath.Join(dir, changelogFile), []byte(section)); err != nil {
		return err
	}

	return checksums(dir)
}

func (r *Release) buildAssets(ctx context.Context, dir string) error {
	packages, err := r.Packages(ctx)
	if err != nil {
		return err
	}

	images, err := r.Images(ctx)
	if err != nil {
		return err
	}

	digests, err := r.digests(published(packages, images))
	if err != nil {
		return err
	}

	// They come in packages, but are pinned by themselves.
	api, err := definitions.OfCheckout(r.Root)
	if err != nil {
		return err
	}

	digests += fmt.Sprintf("api:%s@%s\n", r.Version, api.Digest())

	if err := write(filepath.Join(dir, DigestsFile), []byte(digests)); err != nil {
		return err
	}

	for _, a := range images {
		if err := archiveLayout(filepath.Join(dir, a.Repository+".oci.tar"), filepath.Join(r.Out, dirImages, a.Repository), r); err != nil {
			return err
		}
	}

	if err := r.pulledAssets(dir, packages, images); err != nil {
		return err
	}

	if err := r.taskAssets(dir, images); err != nil {
		return err
	}

	if err := r.programAssets(ctx, dir); err != nil {
		return err
	}

	return errors.Wrap(os.CopyFS(dir, os.DirFS(filepath.Join(r.Out, dirPackages))), "cannot copy the packages")
}

// taskAssets writes the tasks, which run the image that was built with them.
func (r *Release) taskAssets(dir string, images []Artifact) error {
	i := slices.IndexFunc(images, func(a Artifact) bool { return a.Repository == program.CLI().Name })
	if i < 0 {
		return errors.Errorf("there is no image of %s for tasks to run", program.CLI().Name)
	}

	digest, err := images[i].Content.Digest()
	if err != nil {
		return errors.Wrapf(err, "cannot tell the digest of %s", images[i].Repository)
	}

	inSources, err := name.NewRepository(Registry+"/"+images[i].Repository, name.StrictValidation)
	if err != nil {
		return errors.Wrap(err, "cannot name the image that tasks run")
	}

	repository, err := r.repository(images[i].Repository)
	if err != nil {
		return err
	}

	ms, err := tasks.Released(r.Root, inSources, repository.Digest(digest.String()))
	if err != nil {
		return err
	}

	if err := os.Mkdir(filepath.Join(dir, TasksDir), 0o755); err != nil { //nolint:gosec // Releases are for everybody to read.
		return errors.Wrap(err, "cannot make a directory for tasks")
	}

	for _, m := range ms {
		if err := write(filepath.Join(dir, TasksDir, m.Name), m.Content); err != nil {
			return err
		}
	}

	return write(filepath.Join(dir, TasksFile), tasks.Joined(ms))
}

// programAssets writes the programs for people, and what they are made of.
func (r *Release) programAssets(ctx context.Context, dir string) error {
	for _, p := range program.ForPeople() {
		for _, to := range program.PlatformsOfPeople() {
			file, err := r.buildProgram(ctx, p, to)
			if err != nil {
				return err
			}

			asset := filepath.Join(dir, assetName(p, to))

			content, err := os.ReadFile(filepath.Clean(file))
			if err != nil {
				return errors.Wrap(err, "cannot read a program")
			}

			if err := os.WriteFile(asset, content, 0o755); err != nil { //nolint:gosec // Programs are for everybody to run.
				return errors.Wrap(err, "cannot copy a program")
			}

			if err := r.writeSBOM(asset, sbom.Subject{Name: p.Name, Program: file}); err != nil {
				return err
			}
		}
	}

	return nil
}

func assetName(p program.Program, to v1.Platform) string {
	return p.Name + "-" + to.OS + "-" + to.Architecture
}

func archiveLayout(file, dir string, r *Release) error {
	f, err := os.Create(filepath.Clean(file))
	if err != nil {
		return errors.Wrap(err, "cannot write an archive")
	}

	defer f.Close() //nolint:errcheck // Closed below when all went well.

	if err := archive.WriteDir(f, dir, r.Source.Time); err != nil {
		return err
	}

	return errors.Wrap(f.Close(), "cannot write an archive")
}

func write(file string, content []byte) error {
	return errors.Wrap(os.WriteFile(file, content, 0o644), "cannot write a file of the release") //nolint:gosec // Releases are for everybody to read.
}

// checksums writes the checksums of all files below a directory.
func checksums(dir string) error {
	b := &strings.Builder{}

	err := fs.WalkDir(os.DirFS(dir), ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}

		sum, err := checksum(filepath.Join(dir, filepath.FromSlash(file)))
		_, _ = fmt.Fprintf(b, "%s  %s\n", sum, file)

		return err
	})
	if err != nil {
		return errors.Wrap(err, "cannot checksum the release")
	}

	return write(filepath.Join(dir, ChecksumsFile), []byte(b.String()))
}

func checksum(file string) (string, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return "", err
	}

	defer f.Close() //nolint:errcheck // It was only read.

	h := sha256.New()
	_, err = io.Copy(h, f)

	return hex.EncodeToString(h.Sum(nil)), err
}
