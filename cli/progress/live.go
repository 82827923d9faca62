package progress

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
)

const (
	// refresh is how often the times are drawn anew.
	refresh = time.Second

	indent = "    "
)

// Live draws the phases of a cluster, with the time that each has taken, and draws
// over them when something changes and every second. What is worth keeping, such as
// the ProwJob's link, is written once, above.
type Live struct {
	out  io.Writer
	size func() (width, height int)
	now  func() time.Time

	mu      sync.Mutex
	state   *cluster.State
	phases  phases
	trouble string
	link    string

	// drawn are the lines that the cursor is below of.
	drawn []string

	stop chan struct{}
}

// NewLive returns a reporter that draws on a terminal when it is told something.
func NewLive(out io.Writer, size func() (width, height int), now func() time.Time) *Live {
	return &Live{out: out, size: size, now: now, stop: make(chan struct{})}
}

// StartLive returns a reporter that draws every second too, until it is closed.
func StartLive(out io.Writer, size func() (width, height int), now func() time.Time) *Live {
	l := NewLive(out, size, now)

	go func() {
		t := time.NewTicker(refresh)
		defer t.Stop()

		for {
			select {
			case <-l.stop:
				return
			case <-t.C:
				l.Draw()
			}
		}
	}()

	return l
}

// State draws a state.
func (l *Live) State(s cluster.State) {
	l.mu.Lock()
	l.state, l.trouble = &s, ""
	l.phases = l.phases.enter(s)
	l.mu.Unlock()

	l.Draw()
}

// Trouble draws it below.
func (l *Live) Trouble(err error) {
	l.mu.Lock()
	l.trouble = troubleText(err)
	l.mu.Unlock()

	l.Draw()
}

// Close draws for the last time, without what would change.
func (l *Live) Close() {
	select {
	case <-l.stop:
		return
	default:
	}

	close(l.stop)

	l.mu.Lock()
	defer l.mu.Unlock()

	l.draw(true)
}

// Draw draws what is known.
func (l *Live) Draw() {
	l.mu.Lock()
	defer l.mu.Unlock()

	select {
	case <-l.stop:
	default:
		l.draw(false)
	}
}

// draw writes all at once, so that a terminal does not show half of it.
func (l *Live) draw(last bool) {
	width, height := l.size()
	b := &bytes.Buffer{}

	if rows := rows(l.drawn, width); rows > 0 {
		// Up to where the drawing begins, and all below it away.
		fmt.Fprintf(b, "\r\x1b[%dA\x1b[J", rows)
	}

	if l.state != nil && l.state.ProwJobURL != "" && l.state.ProwJobURL != l.link {
		l.link = l.state.ProwJobURL
		fmt.Fprintf(b, "  ProwJob  %s\n", l.link)
	}

	l.drawn = l.lines(width, last)
	l.drawn = l.drawn[max(0, len(l.drawn)-height+1):]

	for _, line := range l.drawn {
		b.WriteString(line + "\n")
	}

	// Nobody can be told that telling fails.
	_, _ = l.out.Write(b.Bytes())
}

func (l *Live) lines(width int, last bool) []string {
	now := l.now()

	var lines []string

	for i, p := range l.phases {
		lines = append(lines, clip(fmt.Sprintf("  %-14s  %6s", p.name, Duration(l.phases.took(i, now))), width))
	}

	if last {
		return lines
	}

	if l.state == nil {
		lines = append(lines, clip("  asking the cluster", width))
	} else if s := saying(*l.state); s != "" {
		lines = append(lines, wrap(s, width)...)
	}

	if l.trouble != "" {
		lines = append(lines, wrap(l.trouble, width)...)
	}

	return lines
}

// rows is how many rows lines take on a terminal that may have become narrower.
func rows(lines []string, width int) int {
	n := 0
	for _, line := range lines {
		n += max(1, (utf8.RuneCountInString(line)+width-1)/width)
	}

	return n
}

// clip cuts what would take a second row.
func clip(line string, width int) string {
	if runes := []rune(line); len(runes) >= width {
		return string(runes[:width-1])
	}

	return line
}

// wrap breaks text between words into lines that fit, and are indented.
func wrap(text string, width int) []string {
	var lines []string

	line := ""

	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = indent + word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) < width:
			line += " " + word
		default:
			lines = append(lines, clip(line, width))
			line = indent + word
		}
	}

	return append(lines, clip(line, width))
}
