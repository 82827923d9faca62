// Package screen tells what a terminal would show of what is written to it, for tests
// of what is drawn.
package screen

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// A Screen is a terminal that knows no more than what we use of one.
type Screen struct {
	mu            sync.Mutex
	width, height int
	rows          [][]rune
	// top is the row that the screen begins with: those above have scrolled away.
	top      int
	row, col int

	// pending is the beginning of a sequence whose end was not written yet.
	pending string
	err     error
}

// New returns an empty screen.
func New(width, height int) *Screen {
	return &Screen{width: width, height: height, rows: [][]rune{nil}}
}

// Size returns the number of columns and rows.
func (s *Screen) Size() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.width, s.height
}

// Write shows text.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	text := s.pending + string(p)
	s.pending = ""

	for text != "" {
		if text[0] != '\x1b' {
			r, n := utf8.DecodeRuneInString(text)
			s.put(r)
			text = text[n:]

			continue
		}

		end := strings.IndexAny(text, "ABCDEFGHJKfhlmnsu")
		if end < 0 {
			s.pending = text

			break
		}

		s.control(text[:end+1])
		text = text[end+1:]
	}

	return len(p), nil
}

func (s *Screen) put(r rune) {
	switch r {
	case '\r':
		s.col = 0
	case '\n':
		// Terminals are told to begin a new line, too, by their drivers.
		s.col = 0
		s.down()
	default:
		if s.col == s.width {
			s.col = 0
			s.down()
		}

		for len(s.rows[s.row]) <= s.col {
			s.rows[s.row] = append(s.rows[s.row], ' ')
		}

		s.rows[s.row][s.col] = r
		s.col++
	}
}

func (s *Screen) down() {
	s.row++
	if s.row == len(s.rows) {
		s.rows = append(s.rows, nil)
	}

	s.top = max(s.top, s.row-s.height+1)
}

func (s *Screen) control(sequence string) {
	switch last := sequence[len(sequence)-1]; {
	case last == 'A':
		n := 0
		for _, digit := range strings.TrimSuffix(strings.TrimPrefix(sequence, "\x1b["), "A") {
			n = 10*n + int(digit-'0')
		}

		s.row = max(s.top, s.row-n)
	case sequence == "\x1b[J":
		s.rows[s.row] = s.rows[s.row][:min(s.col, len(s.rows[s.row]))]
		s.rows = s.rows[:s.row+1]
	default:
		s.err = errors.Errorf("this terminal does not know %q", sequence)
	}
}

// Err returns what was written that a screen does not know.
func (s *Screen) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.err
}

// String returns all that was shown and not drawn over, with what has scrolled away.
func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()

	b := &strings.Builder{}
	for _, row := range s.rows {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}

	return strings.TrimRight(b.String(), "\n") + "\n"
}
