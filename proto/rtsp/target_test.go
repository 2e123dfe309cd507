package rtsp

import (
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/uri"
)

func TestParseTarget(t *testing.T) {
	tests := []struct {
		in   string
		want target
	}{
		{"*", target{star: true}},
		{"rtsp://h", target{url: "rtsp://h", root: "rtsp://h", base: "rtsp://h"}},
		{"rtsp://h/", target{url: "rtsp://h", root: "rtsp://h", base: "rtsp://h"}},
		{"RTSP://H:8554/cam", target{url: "rtsp://H:8554/cam", root: "rtsp://H:8554", base: "rtsp://H:8554/cam", path: "cam"}},
		{"rtsps://h/cam//", target{url: "rtsps://h/cam", root: "rtsps://h", base: "rtsps://h/cam", path: "cam"}},
		{"rtsp://[2001:db8::1]:554/cam/trackID=0", target{url: "rtsp://[2001:db8::1]:554/cam/trackID=0", root: "rtsp://[2001:db8::1]:554", base: "rtsp://[2001:db8::1]:554/cam", path: "cam", track: true}},
		{"rtsp://h/trackID=0", target{url: "rtsp://h/trackID=0", root: "rtsp://h", base: "rtsp://h", track: true}},
		{"rtsp://h/cam/trackID=00", target{url: "rtsp://h/cam/trackID=00", root: "rtsp://h", base: "rtsp://h/cam/trackID=00", path: "cam/trackID=00"}},
		{"rtsp://h/cam?x=1", target{url: "rtsp://h/cam?x=1", root: "rtsp://h", base: "rtsp://h/cam?x=1", path: "cam"}},
		{"rtsp://h/cam?x=1/", target{url: "rtsp://h/cam?x=1", root: "rtsp://h", base: "rtsp://h/cam?x=1", path: "cam"}},
		{"rtsp://h/cam?x=1/trackID=0", target{url: "rtsp://h/cam?x=1/trackID=0", root: "rtsp://h", base: "rtsp://h/cam?x=1", path: "cam", track: true}},
		{"rtsp://h/cam/trackID=0?x=1", target{url: "rtsp://h/cam/trackID=0?x=1", root: "rtsp://h", base: "rtsp://h/cam/trackID=0?x=1", path: "cam", track: true}},
		{"rtsp://me:pw@h/a%20b%2Fc/d#part", target{url: "rtsp://h/a%20b%2Fc/d", root: "rtsp://h", base: "rtsp://h/a%20b%2Fc/d", path: "a b/c/d"}},
		{"rtsp://h/cam/streamid=0", target{url: "rtsp://h/cam/streamid=0", root: "rtsp://h", base: "rtsp://h/cam", path: "cam", track: true}},
		{"rtsp://h/50%/%zz", target{url: "rtsp://h/50%25/%25zz", root: "rtsp://h", base: "rtsp://h/50%25/%25zz", path: "50%/%zz"}},
		{"rtsp://me:p%@w/x@h:1/cam", target{url: "rtsp://w/x@h:1/cam", root: "rtsp://w", base: "rtsp://w/x@h:1/cam", path: "x@h:1/cam"}},
		{"rtsp://me:#[?@h:1/my cam", target{url: "rtsp://h:1/my%20cam", root: "rtsp://h:1", base: "rtsp://h:1/my%20cam", path: "my cam"}},
		{"rtsp://[fe80::1%eth0]:8554/cam/trackID=0", target{url: "rtsp://[fe80::1%eth0]:8554/cam/trackID=0", root: "rtsp://[fe80::1%eth0]:8554", base: "rtsp://[fe80::1%eth0]:8554/cam", path: "cam", track: true}},
		{"rtsp://[fe80::1%25eth0]/cam", target{url: "rtsp://[fe80::1%25eth0]/cam", root: "rtsp://[fe80::1%25eth0]", base: "rtsp://[fe80::1%25eth0]/cam", path: "cam"}},
	}
	for _, test := range tests {
		if got, ok := parseTarget(test.in); !ok || got != test.want {
			t.Errorf("%s: %+v, %v, want %+v", test.in, got, ok, test.want)
		}
	}
	for _, in := range []string{"", "cam", "/cam", "rtsp:cam", "rtsp:///cam", "http://h/cam", "rtsp://h/a\r\nb", "rtsp://h:x/cam", "**", "rtsp://[fe80::1%]/cam", "rtsp://me:pw@/cam"} {
		if got, ok := parseTarget(in); ok {
			t.Errorf("%q: %+v, want none", in, got)
		}
	}
}

// FuzzTarget: the URLs that go into answers can be read again and mean the same, and are fit for a header; with the track
// behind it a stream's URL means that stream's track.
func FuzzTarget(f *testing.F) {
	for _, text := range []string{"*", "rtsp://me:a#b%c[d]e?f@h:1/x@y", "rtsp://[fe80::1%eth0]/cam/trackID=0?x=1", "rtsps://h//%2f%/streamid=0#"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, ok := parseTarget(text)
		if !ok || target.star {
			return
		}
		for _, made := range []string{target.url, target.base, target.root, target.root + "/" + uri.EscapeName(text)} {
			if strings.ContainsFunc(made, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || !strings.HasPrefix(made, target.root) {
				t.Fatalf("%q: %q is not fit for a header", text, made)
			}
		}
		if again, ok := parseTarget(target.url); !ok || again != target {
			t.Fatalf("%q is %+v, and again %+v, %v", text, target, again, ok)
		}
		track, ok := parseTarget(target.base + trackSuffix)
		if target.track = true; !ok || track.base != target.base || !track.track || track.root != target.root {
			t.Fatalf("%q is %+v, and its track is %+v, %v", text, target, track, ok)
		}
		if named, ok := parseTarget(target.root + "/" + uri.EscapeName("a/b?c%41 d")); !ok || named.path != "a/b?c%41 d" {
			t.Fatalf("%q: a stream's URL is %+v, %v", text, named, ok)
		}
	})
}
