package commandline_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cmd/commandline"
)

// TestOutput writes to something that is read, in order and to the end.
func TestOutput(t *testing.T) {
	var text bytes.Buffer
	o := commandline.NewOutput(&text)
	for _, word := range []string{"a", "b", "c"} {
		if n, err := o.Write([]byte(word)); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if err := o.Close(time.Minute); err != nil {
		t.Error(err)
	}
	if text.String() != "abc" {
		t.Errorf("%q", text.String())
	}
	if _, err := o.Write([]byte("late")); err != nil {
		t.Error(err)
	}
}

// TestOutputThatNobodyReads writes more than fits: neither Write nor Close waits for the reader.
func TestOutputThatNobodyReads(t *testing.T) {
	read, write := io.Pipe()
	o := commandline.NewOutput(write)
	for range 1000 {
		if _, err := o.Write([]byte(strings.Repeat("x", 1000))); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Close(time.Millisecond); !errors.Is(err, commandline.ErrNotRead) {
		t.Errorf("%v, want ErrNotRead", err)
	}
	read.Close() // which ends the goroutine
}

// TestOutputThatIsGone writes to a pipe whose reader has gone: Close says so.
func TestOutputThatIsGone(t *testing.T) {
	read, write := io.Pipe()
	read.Close()
	o := commandline.NewOutput(write)
	if _, err := o.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if err := o.Close(time.Minute); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v, want ErrClosedPipe", err)
	}
}

// TestCount has a plural for all numbers but one.
func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 readers", 1: "1 reader", 2: "2 readers", 100: "100 readers"} {
		if got := commandline.Count(n, "reader"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
