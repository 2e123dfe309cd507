package nal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/nal"
)

// split cuts data that comes in pieces of n bytes, and returns the units in hexadecimal digits.
// One that was too large has an ! behind it.
func split(tb testing.TB, most, n int, data []byte) string {
	tb.Helper()
	s := nal.NewSplitter(most)
	var units []string
	for {
		s.Push(data[:min(n, len(data))])
		data = data[min(n, len(data)):]
		if len(data) == 0 {
			s.End()
		}
		for {
			unit, err := s.Next()
			if err != nil && !errors.Is(err, nal.ErrTooLarge) {
				tb.Fatal(err)
			}
			if unit == nil {
				break
			}
			text := fmt.Sprintf("%x", unit)
			if err != nil {
				text += "!"
			}
			units = append(units, text)
		}
		if len(data) == 0 {
			return strings.Join(units, " ")
		}
	}
}

func TestSplitter(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"\x00\x00\x01", ""},
		{"\x00\x00\x01\x65", "65"},
		{"\x00\x00\x00\x01\x65", "65"},
		{"\x00\x00\x00\x00\x00\x01\x65\x00\x00", "65"},
		{"\x00\x00\x01\x65\x01\x00\x00\x01\x41\x02", "6501 4102"},
		{"\x00\x00\x01\x65\x01\x00\x00\x00\x01\x41\x02", "6501 4102"},
		{"\x00\x00\x01\x65\x01\x00\x00\x00\x00\x00\x00\x01\x41\x02", "6501 4102"},
		{"\x00\x00\x01\x00\x00\x01\x65", "65"},
		{"garbage\x01\x00\x01\x00\x00\x01\x65", "65"},
		{"garbage", ""},
		{"\x00\x00\x01\x65\x00\x01\x00\x00\x03\x01\x00\x00\x01\x06", "65000100000301 06"},
		{"\x00\x00\x01\x01\x00\x00\x01\x01\x01\x00\x00\x01\x01", "01 0101 01"},
		// Up to eight bytes.
		{"\x00\x00\x0112345678\x00\x00\x00\x0112345678", "3132333435363738 3132333435363738"},
		{"\x00\x00\x01123456789\x00\x00\x00\x01abc", "3132333435363738! 616263"},
		{"\x00\x00\x01123456789", "3132333435363738!"},
		{"\x00\x00\x011234567890123\x00\x00\x01abc", "3132333435363738! 616263"},
	} {
		for n := 1; n <= max(len(c.in), 1); n++ {
			if got := split(t, 8, n, []byte(c.in)); got != c.want {
				t.Errorf("%x in pieces of %d bytes: %s, want %s", c.in, n, got, c.want)
			}
		}
	}
}

// TestSplitterGoesOn reads another stream after the end of one.
func TestSplitterGoesOn(t *testing.T) {
	s := nal.NewSplitter(8)
	for range 3 {
		s.Push([]byte("\x00\x00\x01\x65"))
		s.End()
		if unit, err := s.Next(); string(unit) != "\x65" || err != nil {
			t.Errorf("%x, %v", unit, err)
		}
		if unit, err := s.Next(); unit != nil || err != nil {
			t.Errorf("%x, %v", unit, err)
		}
		s.Push([]byte("garbage"))
		if unit, err := s.Next(); unit != nil || err != nil {
			t.Errorf("%x, %v", unit, err)
		}
	}
}

// FuzzSplitter has the pieces that bytes come in change nothing, and units be what is between
// start codes.
func FuzzSplitter(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		if n < 1 {
			return
		}
		whole := split(t, 1000, len(data)+1, data)
		if got := split(t, 1000, n, data); got != whole {
			t.Fatalf("in pieces of %d bytes: %s, want %s", n, got, whole)
		}
		var want []string
		for i, unit := range bytes.Split(data, []byte{0, 0, 1}) {
			unit = bytes.TrimRight(unit, "\x00")
			switch {
			case i == 0 || len(unit) == 0: // before the first start code
			case len(unit) > 1000:
				return
			default:
				want = append(want, fmt.Sprintf("%x", unit))
			}
		}
		if text := strings.Join(want, " "); len(data) < 1000 && text != whole {
			t.Fatalf("%s, want %s", whole, text)
		}
	})
}
