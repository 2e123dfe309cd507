// Package screen is a terminal in memory, which shows what a real one would: it knows the
// few control sequences that package term writes, and those of tmux's capture-pane. Tests
// look at its cells; Picture draws them.
package screen

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Cell is a character, its colour, and that of what is behind it. Colours that were not
// set are transparent.
type Cell struct {
	Rune        rune
	Front, Back color.RGBA
}

// Screen is a terminal's screen. It does not scroll and does not wrap lines: what a
// program writes outside of it is an error, as is every control sequence that is not
// known.
type Screen struct {
	Columns, Rows int
	// Modes are the private modes that were set (true) or unset, by number.
	Modes map[int]bool

	cells       []Cell
	row, column int
	pen         Cell
}

// New makes an empty screen.
func New(columns, rows int) *Screen {
	return &Screen{Columns: columns, Rows: rows, Modes: map[int]bool{}, cells: make([]Cell, columns*rows)}
}

// At is the cell at a column and row, counted from 0.
func (s *Screen) At(column, row int) Cell { return s.cells[row*s.Columns+column] }

// Line is the characters of a row, without the blanks at its end.
func (s *Screen) Line(row int) string {
	var b strings.Builder
	for column := range s.Columns {
		if r := s.At(column, row).Rune; r != 0 {
			b.WriteRune(r)
		} else {
			b.WriteByte(' ')
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// Write has the screen show what a program writes. p must not end in the middle of a
// character or of a control sequence.
func (s *Screen) Write(p []byte) (int, error) {
	for rest := string(p); rest != ""; {
		n, err := s.next(rest)
		if err != nil {
			return len(p) - len(rest), fmt.Errorf("at byte %d: %w", len(p)-len(rest), err)
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// next takes the first character or control sequence of a text.
func (s *Screen) next(text string) (int, error) {
	switch text[0] {
	case 0x1b:
		return s.escape(text)
	case '\n':
		s.row, s.column = s.row+1, 0
		return 1, nil
	}
	r, n := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError || r < ' ' {
		return 0, fmt.Errorf("character %q", text[:n])
	}
	if s.column >= s.Columns || s.row >= s.Rows {
		return 0, fmt.Errorf("%q at column %d of row %d: outside", r, s.column, s.row)
	}
	s.cells[s.row*s.Columns+s.column] = Cell{r, s.pen.Front, s.pen.Back}
	s.column++
	return n, nil
}

// escape takes a control sequence: ESC [ parameters, a final byte.
func (s *Screen) escape(text string) (int, error) {
	end := strings.IndexFunc(text[1:], func(r rune) bool { return r >= '@' && r != '[' })
	if end < 0 || !strings.HasPrefix(text, "\x1b[") {
		return 0, fmt.Errorf("control sequence %q", text[:min(len(text), 10)])
	}
	sequence := text[:end+2]
	parameters, final := sequence[2:len(sequence)-1], sequence[len(sequence)-1]
	private := strings.HasPrefix(parameters, "?")
	numbers, err := numbersIn(strings.TrimPrefix(parameters, "?"))
	known := err == nil && !private
	switch {
	case private && (final == 'h' || final == 'l') && err == nil:
		s.Modes[numbers[0]] = final == 'h'
		known = true
	case known && final == 'm':
		known = s.graphics(numbers)
	case known && final == 'H' && len(numbers) == 2:
		s.row, s.column = max(numbers[0], 1)-1, max(numbers[1], 1)-1
	case known && final == 'J' && numbers[0] == 2:
		clear(s.cells)
	case known && final == 'K' && numbers[0] == 0 && s.row < s.Rows:
		clear(s.cells[s.row*s.Columns+min(s.column, s.Columns) : (s.row+1)*s.Columns])
	default:
		known = false
	}
	if !known {
		return 0, fmt.Errorf("control sequence %q", sequence)
	}
	return len(sequence), nil
}

// numbersIn are the parameters of a control sequence; one that is missing is 0.
func numbersIn(parameters string) (numbers []int, err error) {
	for field := range strings.SplitSeq(parameters, ";") {
		n := 0
		if field != "" {
			if n, err = strconv.Atoi(field); err != nil {
				return nil, err
			}
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// graphics sets the pen (SGR), and reports whether it knows how.
func (s *Screen) graphics(numbers []int) bool {
	for len(numbers) > 0 {
		used := 1
		switch n := numbers[0]; {
		case n == 0:
			s.pen = Cell{}
		case n == 39:
			s.pen.Front = color.RGBA{}
		case n == 49:
			s.pen.Back = color.RGBA{}
		case n >= 30 && n < 38 || n >= 90 && n < 98:
			s.pen.Front = palette(n%10 + n/90*8)
		case n >= 40 && n < 48 || n >= 100 && n < 108:
			s.pen.Back = palette(n%10 + n/100*8)
		case (n == 38 || n == 48) && len(numbers) >= 3 && numbers[1] == 5 && numbers[2] >= 0 && numbers[2] < 256:
			if c := palette(numbers[2]); n == 38 {
				s.pen.Front = c
			} else {
				s.pen.Back = c
			}
			used = 3
		case (n == 38 || n == 48) && len(numbers) >= 5 && numbers[1] == 2:
			c := color.RGBA{uint8(numbers[2]), uint8(numbers[3]), uint8(numbers[4]), 255}
			if n == 38 {
				s.pen.Front = c
			} else {
				s.pen.Back = c
			}
			used = 5
		default:
			return false
		}
		numbers = numbers[used:]
	}
	return true
}
