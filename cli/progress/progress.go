// Package progress shows how a cluster gets on: drawn over and over on a terminal,
// and as lines elsewhere.
package progress

import (
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
)

// A Reporter shows what it is told.
type Reporter interface {
	// State tells how it is with the cluster.
	State(s cluster.State)

	// Trouble tells what keeps us from knowing.
	Trouble(err error)

	// Close ends the report. What it shows stays.
	Close()
}

// To returns a reporter that writes to a terminal or to something else.
func To(w io.Writer) Reporter {
	f, ok := w.(interface {
		io.Writer
		Fd() uintptr
	})
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return NewLines(w, time.Now)
	}

	return StartLive(f, func() (width, height int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}

		return width, height
	}, time.Now)
}

// Duration is how long something took, as short as a person would say it.
func Duration(d time.Duration) string { return duration.HumanDuration(max(0, d)) }

// oneLine returns text without line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// saying is what a state adds to its phase.
func saying(s cluster.State) string {
	switch {
	case s.Failure != nil:
		return s.Failure.String()
	case s.WaitingFor != "":
		return "waiting for " + s.WaitingFor
	}

	return ""
}

// troubleText is what is said of trouble.
func troubleText(err error) string { return "trying again: " + oneLine(err.Error()) }
