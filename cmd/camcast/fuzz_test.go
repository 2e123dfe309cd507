package main

import (
	"errors"
	"io"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/camcast/camcast/capture/v4l2"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cmd/commandline"
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

// FuzzSource has a SOURCE be any text: it is refused, or all its values are within their ranges.
func FuzzSource(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := parseSource(text)
		if err != nil {
			checkRefusal(t, text, err)
			return
		}
		again, err := parseSource(text)
		switch {
		case err != nil || !reflect.DeepEqual(again, spec):
			t.Fatalf("%q means %+v, and then %+v, %v", text, spec, again, err)
		case spec.kind < deviceSource || spec.kind > streamSource || spec.path == "":
			t.Fatalf("%q: %+v", text, spec)
		case spec.name != "" && cast.CheckName(spec.name) != nil:
			t.Fatalf("%q: the name is %q", text, spec.name)
		case spec.width < 0 || spec.width > 65535 || (spec.width == 0) != (spec.height == 0) || spec.height < 0 || spec.height > 65535,
			!(spec.fps >= 0 && spec.fps <= 1000), spec.quality < 0 || spec.quality > 100:
			t.Fatalf("%q: %+v", text, spec)
		case spec.kind != deviceSource && len(spec.controls) > 0 || slices.ContainsFunc(spec.controls, func(s v4l2.Setting) bool { return s.Name == "" }):
			t.Fatalf("%q: controls %q", text, spec.controls)
		case spec.kind == testcardSource && spec.testcard().Check() != nil:
			t.Fatalf("%q: %v", text, spec.testcard().Check())
		}
	})
}

// FuzzDestination has a --send be any text whose host is an address, as names are looked up.
func FuzzDestination(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		rest := strings.TrimPrefix(text, namePrefix.FindString(text))
		if u, err := url.Parse(rest); err == nil {
			if _, err := netip.ParseAddr(u.Hostname()); err != nil && u.Hostname() != "" {
				return
			}
		}
		spec, err := parseDestination(text)
		if err != nil {
			checkRefusal(t, text, err)
			return
		}
		switch a := spec.Peer.Addr(); {
		case !a.IsValid() || a.Is4In6() || spec.Peer.Port() == 0 || spec.Peer.Port() == 65535:
			t.Fatalf("%q goes to %v", text, spec.Peer)
		case spec.TTL < 0 || spec.TTL > 255 || !a.IsMulticast() && (spec.TTL != 0 || spec.Interface != ""):
			t.Fatalf("%q: %+v", text, spec)
		}
	})
}

// FuzzListen has an address to listen on be any text.
func FuzzListen(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		for _, flag := range []string{"--rtsp", "--rtp"} {
			address, err := listenAddress(flag, text)
			switch off := flag == "--rtsp" && text == "off"; {
			case err != nil:
				checkRefusal(t, text, err)
			case off == address.IsValid():
				t.Fatalf("%s %q is %v", flag, text, address)
			case flag == "--rtp" && address.Port() == 65535:
				t.Fatalf("%s %q has no port for RTCP", flag, text)
			}
		}
	})
}

// FuzzArguments has the command line be any words: they are refused in a line, or the broadcaster
// takes what they say.
func FuzzArguments(f *testing.F) {
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "send") { // its host may be a name
			return
		}
		s, err := parseArguments(strings.Split(line, " "))
		if err != nil {
			if !errors.Is(err, commandline.ErrHelp) && !errors.Is(err, commandline.ErrVersion) {
				checkRefusal(t, line, err)
			}
			return
		}
		if err := s.config.Check(); err != nil {
			t.Fatalf("%q is taken, and cannot be used: %v", line, err)
		}
		names := map[string]bool{}
		for _, source := range s.sources {
			if source.name == "" || names[source.name] {
				t.Fatalf("%q: a stream has no name of its own: %q", line, source.name)
			}
			names[source.name] = true
		}
	})
}
