package commandline_test

import (
	"bytes"
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
	o.Close(time.Minute)
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
	o.Close(time.Millisecond)
	read.Close() // which ends the goroutine
}
