package uri_test

import (
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/uri"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text, user, password, host, port, path, query, shown string
	}{
		{"rtsp://h", "", "", "h", "", "", "", "rtsp://h"},
		{"RTSP://h:8554/", "", "", "h", "8554", "/", "", "rtsp://h:8554/"},
		{"rtsp://cam.example:8554/a/b?x=1&y=/2#z", "", "", "cam.example", "8554", "/a/b", "?x=1&y=/2", "rtsp://cam.example:8554/a/b?x=1&y=/2"},
		{"rtsp://h?x", "", "", "h", "", "", "?x", "rtsp://h?x"},
		{"rtsp://h#z", "", "", "h", "", "", "", "rtsp://h"},
		{"rtsp://h:/x", "", "", "h", "", "/x", "", "rtsp://h:/x"},
		{"camcast://h/left eye", "", "", "h", "", "/left eye", "", "camcast://h/left%20eye"},
		{"rtsp://h/100%/%zz%41", "", "", "h", "", "/100%/%zz%41", "", "rtsp://h/100%25/%25zz%41"},
		{"rtsp://bücher.example/ü", "", "", "bücher.example", "", "/ü", "", "rtsp://b%C3%BCcher.example/%C3%BC"},
		{"rtsp://b%c3%bcche%72", "", "", "bücher", "", "", "", "rtsp://b%c3%bcche%72"},

		{"rtsp://[::1]/cam", "", "", "::1", "", "/cam", "", "rtsp://[::1]/cam"},
		{"rtsp://[fe80::1%eth0]:8554/cam", "", "", "fe80::1%eth0", "8554", "/cam", "", "rtsp://[fe80::1%eth0]:8554/cam"},
		{"rtsp://[fe80::1%25eth0]:8554/cam", "", "", "fe80::1%eth0", "8554", "/cam", "", "rtsp://[fe80::1%25eth0]:8554/cam"},
		{"rtsp://[fe80::1%25]/cam", "", "", "fe80::1%25", "", "/cam", "", "rtsp://[fe80::1%25]/cam"},
		{"rtsp://[fe80::1%2]", "", "", "fe80::1%2", "", "", "", "rtsp://[fe80::1%2]"},
		{"rtsp://me:pw@[fe80::1%de0]:1/", "me", "pw", "fe80::1%de0", "1", "/", "", "rtsp://[fe80::1%de0]:1/"},

		{"rtsp://me@h/x", "me", "", "h", "", "/x", "", "rtsp://h/x"},
		{"rtsp://@h/x", "", "", "h", "", "/x", "", "rtsp://h/x"},
		{"rtsp://me:@h/x", "me", "", "h", "", "/x", "", "rtsp://h/x"},
		{"rtsp://m%3Ae:p%40ss%2F@h/x", "m:e", "p@ss/", "h", "", "/x", "", "rtsp://h/x"},
		{"rtsp://me:a#b%c[d]e?f@g h:i@h:1/x@y", "me", "a#b%c[d]e?f@g h:i", "h", "1", "/x@y", "", "rtsp://h:1/x@y"},
		{"rtsp://m#e:[@[::1]:1?q", "m#e", "[", "::1", "1", "", "?q", "rtsp://[::1]:1?q"},
		{"rtsp://me:a/b/c@h:1/x/y", "me", "a/b/c", "h", "1", "/x/y", "", "rtsp://h:1/x/y"},
		{"rtsp://me:100%@h/x", "me", "100%", "h", "", "/x", "", "rtsp://h/x"},
		{`rtsp://d\m:"<>^{|}` + "`" + `ä@h/x`, `d\m`, `"<>^{|}` + "`ä", "h", "", "/x", "", "rtsp://h/x"},
	} {
		u, err := uri.Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		for _, part := range [][3]string{
			{"user", u.User, c.user}, {"password", u.Password, c.password}, {"host", u.Host, c.host}, {"port", u.Port, c.port},
			{"path", u.Path, c.path}, {"query", u.Query, c.query}, {"String", u.String(), c.shown},
		} {
			if part[1] != part[2] {
				t.Errorf("%s: %s is %q, want %q", c.text, part[0], part[1], part[2])
			}
		}
		shown := c.shown
		if !u.HasUser {
			shown = c.text
		}
		if got := uri.Redact(c.text); got != shown {
			t.Errorf("%s is shown as %s", c.text, got)
		}
	}
}

func TestWrongURLs(t *testing.T) {
	for text, shown := range map[string]string{
		"": "", "h": "h", "rtsp:h": "rtsp:h", "//h": "//h", "://h": "://h", "1://h": "1://h", "r p://h": "r p://h",
		"rtsp://": "rtsp://", "rtsp:///x": "rtsp:///x", "rtsp://:1/x": "rtsp://:1/x", "rtsp://h:x/y": "rtsp://h:x/y",
		"rtsp://h:1:2/x": "rtsp://h:1:2/x", "rtsp://::1/x": "rtsp://::1/x", "rtsp://[::1/x": "rtsp://[::1/x",
		"rtsp://[::1]x/": "rtsp://[::1]x/", "rtsp://[1.2.3.4]/": "rtsp://[1.2.3.4]/", "rtsp://[fe80::1%]/": "rtsp://[fe80::1%]/",
		"rtsp://[fe80::1%a/b]/": "rtsp://[fe80::1%a/b]/", "rtsp://[h]/": "rtsp://[h]/", "rtsp://my cam/": "rtsp://my cam/", "rtsp://a%2fb/": "rtsp://a%2fb/",
		"rtsp://h/\r\nx": "rtsp://h/\r\nx", "rtsp://h/\x7f": "rtsp://h/\x7f", "rtsp://h\x00/": "rtsp://h\x00/",
		"rtsp://me:secret@/x": "rtsp:///x", "rtsp://me:se@cret@h:x/": "rtsp://h:x/", "me:secret@h": "h",
		"rtsp://me:sec/ret@h:x/y": "rtsp://h:x/y", "rtsp://me:\x01@h": "rtsp://h",
	} {
		u, err := uri.Parse(text)
		if err == nil {
			t.Errorf("%q is %+v", text, u)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
		if got := uri.Redact(text); got != shown {
			t.Errorf("%q is shown as %q, want %q", text, got, shown)
		}
	}
}

func TestRedactIn(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "no URL: me@home": "no URL: me@home", "a://": "a://",
		"rtsp://me:secret@h:554/cam: Connection refused":                "rtsp://h:554/cam: Connection refused",
		`open "http://me:se"cret@h/x" of ftp://you:p@ss/word@i, then a`: `open "http://h/x" of ftp://i, then a`,
		"rtsp://h/?user=me&password=secret\thttp://h/x=1 b=2":           "rtsp://h/?user=...\thttp://h/x=... b=2",
		"rtsp://a:b@h,rtsp://c:d@i":                                     "rtsp://i",
	} {
		if got := uri.RedactIn(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

func TestWithoutZone(t *testing.T) {
	for text, want := range map[string]string{
		"rtsp://u:p@[fe80::1%eth0]:8554/cam?x": "rtsp://[fe80::1]:8554/cam?x",
		"rtsp://[fe80::1%25eth0]/cam":          "rtsp://[fe80::1]/cam",
		"rtsp://[fe80::1]:1":                   "rtsp://[fe80::1]:1",
		"rtsp://h:1/cam":                       "rtsp://h:1/cam",
	} {
		u, err := uri.Parse(text)
		if got := u.WithoutZone().String(); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestEscapes(t *testing.T) {
	for name, want := range map[string]string{"cam": "cam", "my cam": "my%20cam", "100%": "100%25", "a?b#c": "a%3Fb%23c", "a/b": "a/b", "%41": "%2541"} {
		if got := uri.EscapeName(name); got != want || uri.Unescape(got) != name {
			t.Errorf("%q is %q, and back %q", name, got, uri.Unescape(got))
		}
	}
}

// FuzzParse: what a URL shows can be read again, means the same, stays the same, and is fit for a
// line of a protocol. Nothing shows the user or the password.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"rtsp://a:1/b?c#d", "rtsp://u:p@[fe80::1%eth0]:8554/cam", "rtsp://u:a/b@h/x", "camcast://[::1%25lo]", "rtsp://me:a#b%c[d]e?f@h:1/x@y", "x://%/%zz",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := uri.Parse(text)
		if err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error is %q", text, err)
			}
			return
		}
		shown := u.String()
		for _, b := range []byte(shown) {
			if b <= ' ' || b >= 0x7f {
				t.Fatalf("%q is shown as %q", text, shown)
			}
		}
		again, err := uri.Parse(shown)
		if err != nil || again.String() != shown || uri.Unescape(again.Path) != uri.Unescape(u.Path) || again.Port != u.Port || again.User+again.Password != "" && !strings.Contains(u.Path+u.Query, "@") {
			t.Fatalf("%q is shown as %q, which is %+v, %v", text, shown, again, err)
		}
	})
}

// TestShown leaves out what may be a password in a path or a query.
func TestShown(t *testing.T) {
	for text, want := range map[string]string{
		"rtsp://u:p@h:1/cam":                    "rtsp://h:1/cam",
		"rtsp://h/cam?ch1":                      "rtsp://h/cam?ch1",
		"rtsp://h/live?user=me&password=secret": "rtsp://h/live?user=...",
		"rtsp://h:554/user=me&password=secret&channel=1&stream=0.sdp?x": "rtsp://h:554/user=...",
		"rtsp://h": "rtsp://h",
	} {
		u, err := uri.Parse(text)
		if got := u.Shown(); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
}
