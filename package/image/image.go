// Package image makes container images from nothing: a program, the certificates that
// it needs to know servers by, and no shell or package that could have a hole. The
// same program and metadata make the same bytes.
package image

import (
	"bytes"
	"io"
	"path/filepath"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/archive"
)

const (
	// User that images run as. It is a number, because a kubelet that must not run
	// root cannot look up a name.
	User = "65532"

	// CertificatesPath is where Go's TLS finds Certificates.
	CertificatesPath = "/etc/ssl/certs/ca-certificates.crt"

	// binDir holds an image's program.
	binDir = "/usr/local/bin"
)

// New makes an image of a static program, which the image runs. Its name in the image
// is that of its file, unless there is another.
func New(program, name string, p v1.Platform, m Metadata) (v1.Image, error) {
	if name == "" {
		name = filepath.Base(program)
	}

	content, err := archive.FromDisk(program, 0o555)
	if err != nil {
		return nil, err
	}

	certificates := Certificates()
	entrypoint := binDir + "/" + name

	// Certificates and programs change at different times.
	certs, err := layer(CertificatesPath, archive.File{
		Mode: 0o444,
		Size: int64(len(certificates)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(certificates)), nil },
	}, m)
	if err != nil {
		return nil, errors.Wrap(err, "cannot make the layer of certificates")
	}

	prog, err := layer(entrypoint, content, m)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot make the layer of %s", name)
	}

	base, err := Empty(p, m)
	if err != nil {
		return nil, err
	}

	img, err := mutate.Append(base, certs, prog)
	if err != nil {
		return nil, errors.Wrap(err, "cannot add layers to the image")
	}

	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, errors.Wrap(err, "cannot read the image's configuration")
	}

	cfg = cfg.DeepCopy()
	cfg.Config.User = User
	cfg.Config.Entrypoint = []string{entrypoint}
	cfg.Config.WorkingDir = "/"
	cfg.Config.Env = []string{"PATH=" + binDir}

	img, err = mutate.ConfigFile(img, cfg)

	return img, errors.Wrap(err, "cannot configure the image")
}

// Empty makes an image that has metadata and no files.
func Empty(p v1.Platform, m Metadata) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)

	img, err := mutate.ConfigFile(img, &v1.ConfigFile{
		OS:           p.OS,
		Architecture: p.Architecture,
		Created:      v1.Time{Time: m.Created.UTC()},
		RootFS:       v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
		Config:       v1.Config{Labels: m.Labels()},
	})

	return img, errors.Wrap(err, "cannot configure the image")
}

// layer is a layer with one file.
func layer(name string, f archive.File, m Metadata) (mutate.Addendum, error) {
	// A program is read as often as it is needed, which takes less memory than to keep
	// it.
	tar := func() (io.ReadCloser, error) {
		r, w := io.Pipe()

		go func() { w.CloseWithError(archive.Write(w, map[string]archive.File{name[1:]: f}, m.Created)) }()

		return r, nil
	}

	l, err := tarball.LayerFromOpener(tar, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)

	return mutate.Addendum{
		Layer:   l,
		History: v1.History{Created: v1.Time{Time: m.Created.UTC()}, CreatedBy: "add " + name},
	}, err
}
