// Package progress tells how far a row of builds is: which of how many, for how long, and how
// long the rest usually takes. A terminal gets one line that renews itself, and anything else
// a line when a step begins and one when it is done.
package progress

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/util/duration"
)

// refresh is how often a terminal's line is drawn anew.
const refresh = time.Second

// Step is a program that is to be made.
type Step struct {
	// Name of the program, with its version.
	Name string

	// CPU time that it usually takes; none when nobody knows.
	CPU time.Duration
}

// Progress tells of steps that follow each other.
type Progress struct {
	out io.Writer
	now func() time.Time

	// width of the terminal; nil when it is none.
	width func() int

	mu       sync.Mutex
	steps    []Step
	estimate estimate
	start    time.Time

	// current step, counted from 1; what is done in it, and since when.
	current int
	doing   string
	since   time.Time

	stop chan struct{}
}

// New returns a progress that writes to a terminal of that width or, without one, plain lines.
func New(out io.Writer, width func() int, now func() time.Time, cores int, steps []Step) *Progress {
	return &Progress{
		out: out, now: now, width: width,
		steps: slices.Clone(steps), estimate: estimate{cores: cores}, start: now(),
		stop: make(chan struct{}),
	}
}

// Start returns a progress of builds on this machine, which renews a terminal's line until it
// is closed.
func Start(out io.Writer, steps []Step) *Progress {
	cores := runtime.GOMAXPROCS(0)

	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return New(out, nil, time.Now, cores, steps)
	}

	p := New(out, func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 {
			return 80
		}

		return width
	}, time.Now, cores, steps)

	go p.renew()

	return p
}

func (p *Progress) renew() {
	t := time.NewTicker(refresh)
	defer t.Stop()

	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.Draw()
		}
	}
}

// Begin says what is done in the next step.
func (p *Progress) Begin(doing string) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.current++
	p.doing, p.since = doing, p.now()

	if p.width != nil {
		p.draw()

		return
	}

	p.line(p.which() + p.doing + " " + p.step().Name + p.toGo("; "))
}

// Turn says why something else is done in this step, and how much CPU time that usually takes.
func (p *Progress) Turn(doing string, cpu time.Duration, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.doing, p.since = doing, p.now()
	p.steps[p.current-1].CPU = cpu

	p.line(why)

	if p.width != nil {
		p.draw()
	}
}

// Done says how the step was done.
func (p *Progress) Done(how string) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.done(how, p.step().CPU)
}

// Elsewhere says that somebody else did the step, which tells nothing of the pace here.
func (p *Progress) Elsewhere(how string) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.done(how, 0)
}

func (p *Progress) done(how string, cpu time.Duration) {
	took := p.now().Sub(p.since)
	p.estimate = p.estimate.done(cpu, took)

	// The next one has not begun: what follows is all that is left.
	p.steps[p.current-1].CPU = 0

	if p.width != nil {
		p.draw()

		return
	}

	p.line(fmt.Sprintf("%s%s %s in %s%s", p.which(), p.step().Name, how, human(took), p.soFar()))
}

// Failed says how the step ended otherwise. Nothing follows it.
func (p *Progress) Failed(how string) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.line(fmt.Sprintf("%s%s %s after %s", p.which(), p.step().Name, how, human(p.now().Sub(p.since))))
	p.steps = nil
}

// Close ends the progress. On a terminal, what all took takes the place of the line.
func (p *Progress) Close() {
	close(p.stop)

	p.mu.Lock()
	defer p.mu.Unlock()

	if p.width != nil && p.current > 0 && p.current == len(p.steps) {
		p.line(fmt.Sprintf("components: %d made ready in %s", len(p.steps), human(p.now().Sub(p.start))))
	}

	p.steps = nil
}

// Draw draws a terminal's line anew.
func (p *Progress) Draw() {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.draw()
}

func (p *Progress) draw() {
	if p.current == 0 || len(p.steps) == 0 {
		return
	}

	line := fmt.Sprintf("%s%s %s, %s%s", p.which(), p.doing, p.step().Name, human(p.now().Sub(p.since)), p.soFar())

	// A line that takes a second row could not be drawn over.
	if runes, width := []rune(line), p.width(); len(runes) >= width {
		line = string(runes[:width-1])
	}

	// Nobody can be told that telling fails.
	_, _ = io.WriteString(p.out, clearRow+line)
}

// clearRow takes back what the cursor is behind of in its row.
const clearRow = "\r\x1b[K"

// line writes a line that stays.
func (p *Progress) line(text string) {
	if p.width != nil {
		text = clearRow + text
	}

	_, _ = io.WriteString(p.out, text+"\n")
}

func (p *Progress) which() string {
	return fmt.Sprintf("component %d of %d: ", p.current, len(p.steps))
}

func (p *Progress) step() Step { return p.steps[p.current-1] }

// soFar is how long all has taken and how long the rest will.
func (p *Progress) soFar() string {
	return "; " + human(p.now().Sub(p.start)) + " so far" + p.toGo(", ")
}

// toGo is how long the rest will take, if anybody knows.
func (p *Progress) toGo(separator string) string {
	after := time.Duration(0)
	for _, s := range p.steps[p.current:] {
		after += s.CPU
	}

	left := p.estimate.left(p.step().CPU, p.now().Sub(p.since), after)
	if left == 0 {
		return ""
	}

	return separator + "about " + roughly(left) + " to go"
}

// human is a time as short as a person would say it.
func human(d time.Duration) string { return duration.HumanDuration(max(0, d)) }

// roughly is a time that nobody knows to the second.
func roughly(d time.Duration) string {
	unit := 10 * time.Second
	if d >= 2*time.Minute {
		unit = time.Minute
	}

	return human(max(unit, d.Round(unit)))
}
