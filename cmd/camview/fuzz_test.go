package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/proto/join"
)

// checkRefusal fails unless what is said of an error of the command line is one line that can be
// shown.
func checkRefusal(t *testing.T, given string, err error) {
	t.Helper()
	var said strings.Builder
	status := newProgram(new(rawFlags)).Refuse(err, io.Discard, &said)
	line, whole := strings.CutSuffix(said.String(), "\n")
	if status != commandline.ExitUsage || !whole || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("%q is refused by status %d and %q, which cannot be shown", given, status, said.String())
	}
}

// FuzzAddress has a URL be any text.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"rtsp://a:1/b", "camcast://[::1]/", "rtsp://u:p@h/x?y#z", "camcast:"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddress(text)
		if err != nil {
			checkRefusal(t, text, err)
			return
		}
		if a.host == "" || a.port == 0 || a.url != text || a.scheme != rtspScheme && a.scheme != joinScheme {
			t.Fatalf("%q: %+v", text, a)
		}
		if a.scheme == joinScheme && len(a.stream) > join.MaxNameBytes || a.isList() != (a.scheme == joinScheme && a.stream == "") {
			t.Fatalf("%q: %+v", text, a)
		}
	})
}

// FuzzArguments has the command line be any words: they are refused in a line, or all that they say
// is within its range.
func FuzzArguments(f *testing.F) {
	f.Fuzz(func(t *testing.T, line string) {
		s, err := parseArguments(strings.Split(line, " "))
		if err != nil {
			if !errors.Is(err, commandline.ErrHelp) && !errors.Is(err, commandline.ErrVersion) {
				checkRefusal(t, line, err)
			}
			return
		}
		switch {
		case s.buffer < 0 || s.buffer > maxBuffer || s.rewind < 0 || s.rewind > maxRewind || s.duration < 0 || s.frames < 0,
			s.readers < 1 || s.readers > maxReaders:
			t.Fatalf("%q: %+v", line, s)
		case (s.output == toClip || s.output == toMovie || s.output == toPhoto) != (s.file != ""), s.readers > 1 && s.output != toTerminal:
			t.Fatalf("%q writes to %v %q", line, s.output, s.file)
		case s.address.isList() && (s.readers > 1 || s.duration > 0 || s.frames > 0 || s.stats):
			t.Fatalf("%q lists, and %+v", line, s)
		}
	})
}

// FuzzList prints a list of streams that a broadcaster has sent, of any names: a line for each, that
// does nothing to a terminal, and JSON that says the same.
func FuzzList(f *testing.F) {
	f.Fuzz(func(t *testing.T, packet []byte) {
		a, err := join.ParseAnswer(packet)
		if err != nil || a.Streams == nil {
			return
		}
		streams := a.Streams.Streams
		var text, encoded bytes.Buffer
		if err := errors.Join(printStreams(&text, streams), encodeStreams(&encoded, streams)); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(text.String(), "\n")
		if len(lines) != len(streams)+1 || lines[len(streams)] != "" {
			t.Fatalf("%d streams are listed as %q", len(streams), text.String())
		}
		for _, line := range lines[:len(streams)] {
			columns := strings.Split(line, "\t")
			if len(columns) != 4 || strings.ContainsFunc(strings.Join(columns, ""), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("the line %q", line)
			}
		}
		var back []listed
		if err := json.Unmarshal(encoded.Bytes(), &back); err != nil || len(back) != len(streams) {
			t.Fatalf("%q: %v", encoded.String(), err)
		}
		for i, s := range streams {
			if b := back[i]; b.Name != strings.ToValidUTF8(s.Name, "\ufffd") && len(b.Name) == len(s.Name) || b.Width != int(s.Width) || b.Height != int(s.Height) || b.PayloadType != int(s.PayloadType) {
				t.Fatalf("%+v is listed as %+v", s, b)
			}
		}
	})
}
