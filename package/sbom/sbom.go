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
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	v1 "github.com/google/go-containerregistry/pkg/v1"
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

// A Subject is what a document describes.
type Subject struct {
	// Program is the path of a program that Go has built.
	Program string

	// Name of the program, its version, and when its sources were.
	Name    string
	Version string
	Created time.Time

	// Image is the digest of the image that has the program, if that is described.
	Image *v1.Hash
}

// Generate lists what a subject is made of, as JSON. The same subject gives the same
// bytes.
func Generate(s Subject) ([]byte, error) {
	info, err := buildinfo.ReadFile(s.Program)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot read what %s is built of", s.Name)
	}

	sum, err := checksum(s.Program)
	if err != nil {
		return nil, err
	}

	d := document(s, sum)

	d.add("DOCUMENT", spdx.RelationshipDescribes, &spdx.Package{
		PackageName:             s.Name,
		PackageSPDXIdentifier:   idProgram,
		PackageVersion:          s.Version,
		PackageFileName:         filepath.Base(s.Program),
		PackageLicenseDeclared:  image.License,
		PackageHomePage:         image.SourceURL,
		PackageChecksums:        []spdx.Checksum{{Algorithm: spdx.SHA256, Value: sum}},
		PrimaryPackagePurpose:   "APPLICATION",
		PackageDownloadLocation: "git+" + image.SourceURL + "@" + s.Version,
	})

	if s.Image != nil {
		d.addImage(s)
	}

	d.add(idProgram, common.TypeRelationshipDependsOn, golang("stdlib", "stdlib", strings.TrimPrefix(info.GoVersion, "go")))

	for i, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}

		d.add(idProgram, common.TypeRelationshipDependsOn, module("module-"+strconv.Itoa(i+1), m))
	}

	b := &bytes.Buffer{}
	err = spdxjson.Write(&d.Document, b, spdxjson.Indent("  "))

	return b.Bytes(), errors.Wrapf(err, "cannot list what %s is made of", s.Name)
}

type builder struct{ spdx.Document }

func document(s Subject, sum string) *builder {
	name := s.Name
	if s.Image != nil {
		name, sum = "image of "+s.Name, s.Image.Hex
	}

	return &builder{Document: spdx.Document{
		SPDXVersion:       spdx.Version,
		DataLicense:       spdx.DataLicense,
		SPDXIdentifier:    "DOCUMENT",
		DocumentName:      name + " " + s.Version,
		DocumentNamespace: image.SourceURL + "/spdx/" + s.Name + "-" + s.Version + "-" + sum,
		CreationInfo: &spdx.CreationInfo{
			Created:  s.Created.UTC().Format(time.RFC3339),
			Creators: []spdx.Creator{{CreatorType: "Tool", Creator: "ephemeral-clusters-" + s.Version}},
		},
	}}
}

// addImage makes the document one of an image that has the program.
func (d *builder) addImage(s Subject) {
	program := d.Packages[0]
	d.Packages, d.Relationships = nil, nil

	d.add("DOCUMENT", spdx.RelationshipDescribes, &spdx.Package{
		PackageName:            s.Name,
		PackageSPDXIdentifier:  idImage,
		PackageVersion:         s.Version,
		PackageLicenseDeclared: noAssertion,
		PackageChecksums:       []spdx.Checksum{{Algorithm: spdx.SHA256, Value: s.Image.Hex}},
		PrimaryPackagePurpose:  "CONTAINER",
	})
	d.add(idImage, spdx.RelationshipContains, program)
	d.add(idImage, spdx.RelationshipContains, &spdx.Package{
		PackageName:            "Mozilla's root certificates",
		PackageSPDXIdentifier:  idCertificates,
		PackageFileName:        image.CertificatesPath,
		PackageLicenseDeclared: "MPL-2.0",
		PackageChecksums:       []spdx.Checksum{{Algorithm: spdx.SHA256, Value: hexSum(image.Certificates())}},
		PrimaryPackagePurpose:  "FILE",
	})
}

// add adds a package that another element is related to.
func (d *builder) add(from common.ElementID, how string, p *spdx.Package) {
	if p.PackageDownloadLocation == "" {
		p.PackageDownloadLocation = noAssertion
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

func golang(id, path, version string) *spdx.Package {
	namespace, name := "", path
	if i := strings.LastIndex(path, "/"); i >= 0 {
		namespace, name = path[:i], path[i+1:]
	}

	return &spdx.Package{
		PackageName:            path,
		PackageSPDXIdentifier:  common.ElementID(id),
		PackageVersion:         version,
		PackageLicenseDeclared: noAssertion,
		PrimaryPackagePurpose:  "LIBRARY",
		PackageExternalReferences: []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager,
			RefType:  common.TypePackageManagerPURL,
			Locator:  packageurl.NewPackageURL(packageurl.TypeGolang, namespace, name, version, nil, "").ToString(),
		}},
	}
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
