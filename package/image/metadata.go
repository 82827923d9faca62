package image

import (
	"time"

	specs "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// SourceURL is where the sources of everything are.
	SourceURL = "https://github.com/ephemeral-clusters/ephemeral-clusters"

	// License of our own code.
	License = "Apache-2.0"
)

// Metadata says what an image is, and of which sources.
type Metadata struct {
	// Title is the image's name, for people.
	Title string

	// Description is a sentence.
	Description string

	// Version is a semantic version that starts with v.
	Version string

	// Revision is the commit.
	Revision string

	// Created is when the sources were, as the image has to be the same whenever it
	// is built.
	Created time.Time
}

// Labels are the metadata under OCI's names. They are labels of an image's
// configuration, and annotations of its manifest and its index.
func (m Metadata) Labels() map[string]string {
	return map[string]string{
		specs.AnnotationTitle:       m.Title,
		specs.AnnotationDescription: m.Description,
		specs.AnnotationVersion:     m.Version,
		specs.AnnotationRevision:    m.Revision,
		specs.AnnotationCreated:     m.Created.UTC().Format(time.RFC3339),
		specs.AnnotationSource:      SourceURL,
		specs.AnnotationLicenses:    License,
	}
}
