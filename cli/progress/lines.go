package progress

import (
	"fmt"
	"io"
	"time"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
)

// Lines writes a line for each change, after the age of the claim.
type Lines struct {
	out io.Writer
	now func() time.Time

	created time.Time
	said    map[string]string
}

// NewLines returns a reporter that writes lines.
func NewLines(out io.Writer, now func() time.Time) *Lines {
	return &Lines{out: out, now: now, created: now(), said: map[string]string{}}
}

// State writes what has changed.
func (l *Lines) State(s cluster.State) {
	l.created = s.Created
	delete(l.said, "Trouble")

	if s.ProwJobURL != "" {
		l.say("ProwJob", "ProwJob: "+s.ProwJobURL)
	}

	phase := s.Phase
	if more := saying(s); more != "" {
		phase += ": " + oneLine(more)
	}

	l.say("Phase", phase)
}

// Trouble writes what is new of it.
func (l *Lines) Trouble(err error) { l.say("Trouble", troubleText(err)) }

// Close does nothing: all is written.
func (*Lines) Close() {}

func (l *Lines) say(topic, what string) {
	if l.said[topic] == what {
		return
	}

	l.said[topic] = what

	// Nobody can be told that telling fails.
	_, _ = fmt.Fprintf(l.out, "%6s  %s\n", Duration(l.now().Sub(l.created)), what)
}
