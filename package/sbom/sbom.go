// Package sbom lists what programs and images are made of, as SPDX documents. What is
// in a program is what Go has recorded in it.
package sbom

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/name"
	packageurl "github.com/package-url/packageurl-go"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/image"
)

const (
	noAssertion = "NOASSERTION"

	// idProgram, idImage and idCertificates identify packages of a document. Modules
	// are numbered.
	idProgram      = "program"
	idImage        = "image"
	idCertificates = "certificates"
)

// A Subject is what a document describes: a program, an image that has one, or an image that
// has none.
type Subject struct {
	// Program is the path of a program that Go has built.
	Program string

	// Name of the program or the image, its version, and the commit and the time of its
	// sources.
	Name     string
	Version  string
	Revision string
	Created  time.Time

	// Image is what to pull, if an image is described.
	Image *name.Digest
}

// Generate lists what a subject is made of, as JSON. The same subject gives the same
// bytes.
func Generate(s Subject) ([]byte, error) {
	d := &builder{}

	if s.Image != nil {
		d.add("DOCUMENT", spdx.RelationshipDescribes, container(s))
	}

	if s.Program != "" {
		if err := d.addProgram(s); err != nil {
			return nil, err
		}
	}

	d.describe(s)

	b := &bytes.Buffer{}
	err := spdxjson.Write(&d.Document, b, spdxjson.Indent("  "))

	return b.Bytes(), errors.Wrapf(err, "cannot list what %s is made of", s.Name)
}

type builder struct{ spdx.Document }

// describe says which document this is, by the checksum of its first package.
func (d *builder) describe(s Subject) {
	what := s.Name
	if s.Image != nil {
		what = "image of " + s.Name
	}

	d.SPDXVersion = spdx.Version
	d.DataLicense = spdx.DataLicense
	d.SPDXIdentifier = "DOCUMENT"
	d.DocumentName = what + " " + s.Version
	d.DocumentNamespace = image.SourceURL + "/spdx/" + s.Name + "-" + s.Version + "-" + d.Packages[0].PackageChecksums[0].Value
	d.CreationInfo = &spdx.CreationInfo{
		Created:  s.Created.UTC().Format(time.RFC3339),
		Creators: []spdx.Creator{{CreatorType: "Tool", Creator: "ephemeral-clusters-" + s.Version}},
	}
}

// container is an image, as it is pulled.
func container(s Subject) *spdx.Package {
	repository := s.Image.Context()

	return &spdx.Package{
		PackageName:            s.Name,
		PackageSPDXIdentifier:  idImage,
		PackageVersion:         s.Version,
		PackageSupplier:        ourselves(),
		PackageLicenseDeclared: noAssertion,
		PackageChecksums:       []spdx.Checksum{{Algorithm: spdx.SHA256, Value: strings.TrimPrefix(s.Image.DigestStr(), "sha256:")}},
		PrimaryPackagePurpose:  "CONTAINER",
		PackageExternalReferences: locatedAt(packageurl.NewPackageURL(packageurl.TypeOCI, "", path.Base(repository.RepositoryStr()), s.Image.DigestStr(),
			packageurl.QualifiersFromMap(map[string]string{"repository_url": repository.Name(), "tag": s.Version}), "")),
	}
}

// addProgram adds a program, in an image if there is one, and what it is built of.
func (d *builder) addProgram(s Subject) error {
	info, err := buildinfo.ReadFile(s.Program)
	if err != nil {
		return errors.Wrapf(err, "cannot read what %s is built of", s.Name)
	}

	sum, err := checksum(s.Program)
	if err != nil {
		return err
	}

	from, how := common.ElementID("DOCUMENT"), spdx.RelationshipDescribes
	if s.Image != nil {
		from, how = idImage, spdx.RelationshipContains
	}

	d.add(from, how, &spdx.Package{
		PackageName:             s.Name,
		PackageSPDXIdentifier:   idProgram,
		PackageVersion:          s.Version,
		PackageSupplier:         ourselves(),
		PackageFileName:         filepath.Base(s.Program),
		PackageLicenseDeclared:  image.License,
		PackageHomePage:         image.SourceURL,
		PackageChecksums:        []spdx.Checksum{{Algorithm: spdx.SHA256, Value: sum}},
		PrimaryPackagePurpose:   "APPLICATION",
		PackageDownloadLocation: "git+" + image.SourceURL + "@" + s.Revision,
	})

	if s.Image != nil {
		d.add(idImage, spdx.RelationshipContains, &spdx.Package{
			PackageName:            "Mozilla's root certificates",
			PackageSPDXIdentifier:  idCertificates,
			PackageFileName:        image.CertificatesPath,
			PackageLicenseDeclared: "MPL-2.0",
			PackageChecksums:       []spdx.Checksum{{Algorithm: spdx.SHA256, Value: hexSum(image.Certificates())}},
			PrimaryPackagePurpose:  "FILE",
		})
	}

	d.add(idProgram, common.TypeRelationshipDependsOn, golang("stdlib", "stdlib", strings.TrimPrefix(info.GoVersion, "go")))

	for i, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}

		d.add(idProgram, common.TypeRelationshipDependsOn, module("module-"+strconv.Itoa(i+1), m))
	}

	return nil
}

// ourselves supply what is built here.
func ourselves() *common.Supplier {
	return &common.Supplier{SupplierType: "Organization", Supplier: "The ephemeral-clusters maintainers"}
}

// add adds a package that another element is related to.
func (d *builder) add(from common.ElementID, how string, p *spdx.Package) {
	if p.PackageDownloadLocation == "" {
		p.PackageDownloadLocation = noAssertion
	}

	if p.PackageSupplier == nil {
		p.PackageSupplier = &common.Supplier{Supplier: noAssertion}
	}

	p.PackageLicenseConcluded = noAssertion
	p.PackageCopyrightText = noAssertion
	p.IsFilesAnalyzedTagPresent = true

	d.Packages = append(d.Packages, p)
	d.Relationships = append(d.Relationships, &spdx.Relationship{
		RefA:         common.DocElementID{ElementRefID: from},
		RefB:         common.DocElementID{ElementRefID: p.PackageSPDXIdentifier},
		Relationship: how,
	})
}

func module(id string, m *debug.Module) *spdx.Package {
	p := golang(id, m.Path, m.Version)

	// It is a checksum of a list of files' checksums, which SPDX has no name for.
	p.PackageComment = "go.sum " + m.Sum

	return p
}

func golang(id, module, version string) *spdx.Package {
	namespace, last := "", module
	if i := strings.LastIndex(module, "/"); i >= 0 {
		namespace, last = module[:i], module[i+1:]
	}

	return &spdx.Package{
		PackageName:               module,
		PackageSPDXIdentifier:     common.ElementID(id),
		PackageVersion:            version,
		PackageLicenseDeclared:    noAssertion,
		PrimaryPackagePurpose:     "LIBRARY",
		PackageExternalReferences: locatedAt(packageurl.NewPackageURL(packageurl.TypeGolang, namespace, last, version, nil, "")),
	}
}

func locatedAt(url *packageurl.PackageURL) []*spdx.PackageExternalReference {
	return []*spdx.PackageExternalReference{{
		Category: common.CategoryPackageManager,
		RefType:  common.TypePackageManagerPURL,
		Locator:  url.ToString(),
	}}
}

func checksum(file string) (string, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return "", errors.Wrap(err, "cannot read a program")
	}

	defer f.Close() //nolint:errcheck // It was only read.

	h := sha256.New()
	_, err = io.Copy(h, f)

	return hex.EncodeToString(h.Sum(nil)), errors.Wrap(err, "cannot read a program")
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)

	return hex.EncodeToString(sum[:])
}
