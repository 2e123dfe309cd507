package multipart_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/multipart"
)

// readParts reads a stream in pieces of n bytes: its parts, and what else was said.
func readParts(data []byte, n, most int) (parts [][]byte, said string) {
	r := multipart.NewReader(most)
	for len(data) > 0 {
		piece := data[:min(n, len(data))]
		data = data[len(piece):]
		r.Push(piece)
		for {
			part, ok, err := r.Next()
			if errors.Is(err, multipart.ErrTooLarge) {
				said += "large "
				continue
			}
			if err != nil {
				return parts, said + fmt.Sprintf("malformed=%v ", errors.Is(err, multipart.ErrMalformed))
			}
			if !ok {
				break
			}
			parts = append(parts, bytes.Clone(part))
		}
	}
	return parts, said
}

// TestReadOthers reads what ffmpeg and GStreamer write, in whatever pieces it comes.
func TestReadOthers(t *testing.T) {
	for _, name := range []string{"ffmpeg", "gstreamer"} {
		data, err := os.ReadFile("testdata/" + name + ".multipart")
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= len(data); n += 1 + n/50 {
			parts, said := readParts(data, n, 1<<20)
			if len(parts) != 3 || said != "" {
				t.Fatalf("%s, in pieces of %d: %d parts, %q", name, n, len(parts), said)
			}
			for _, part := range parts {
				if length, err := jpeg.Length(part); err != nil || length != len(part) {
					t.Fatalf("%s, in pieces of %d: a picture of %d bytes, length %d, %v", name, n, len(part), length, err)
				}
			}
		}
		ends := bytes.LastIndex(data, []byte{0xff, jpeg.EOI}) + 2
		if parts, _ := readParts(data[:ends], 100, 1<<20); len(parts) != 3 {
			t.Errorf("%s: %d parts when the last byte of the third has come", name, len(parts))
		}
	}
}

// TestReadOwn reads what this package writes.
func TestReadOwn(t *testing.T) {
	other, err := os.ReadFile("testdata/ffmpeg.multipart")
	if err != nil {
		t.Fatal(err)
	}
	want, _ := readParts(other, 1000, 1<<20)
	stream := []byte(multipart.Opening)
	for _, picture := range want {
		if stream, err = multipart.AppendPart(stream, picture, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if got, said := readParts(stream, 10, 1<<20); !slices.EqualFunc(got, want, bytes.Equal) || said != "" {
		t.Errorf("%d parts, or others; %q", len(got), said)
	}
}

func TestRead(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for name, test := range map[string]struct{ stream, parts, said string }{
		"without a length":         {"--b\r\nA: b\r\n\r\none\r\n--b\r\n\r\ntwo\n--b\n\nthree", "one|two", ""},
		"with one":                 {"--b\r\nContent-Length: 7\r\n\r\n\n--b\r\n?\r\n--b\r\ncontent-length:3\r\n\r\ntwo", "\n--b\r\n?|two", ""},
		"an HTTP response":         {"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n--b\r\nContent-Length: 3\r\n\r\none", "one", ""},
		"the last boundary":        {"--b\r\nContent-Length: 3\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b\r\n", "one|two", ""},
		"empty parts":              {"--b\r\nContent-Length: 0\r\n\r\n\r\n--b\r\n\r\n\r\n--b\r\n\r\ntwo\r\n--b", "two", ""},
		"no end of line behind":    {"--b\r\nContent-Length: 3\r\n\r\none--b\r\nContent-Length: 3\r\n\r\ntwo", "one|two", ""},
		"a large one":              {"--b\r\nContent-Length: 21\r\n\r\n123456789012345678901\r\n--b\r\nContent-Length: 3\r\n\r\ntwo", "two", "large "},
		"a large one, no length":   {"--b\r\n\r\n" + long + "\r\n--b\r\n\r\ntwo\r\n--b", "two", "large "},
		"as large as one may be":   {"--b\r\n\r\n12345678901234567890\r\n--b\r\n\r\n123456789012345678901\n--b\r\n\r\ntwo\r\n--b", "12345678901234567890|two", "large "},
		"a head without an end":    {"--b\r\nA: " + long, "", "malformed=true "},
		"a head of many lines":     {"--b\r\n" + strings.Repeat("A: b\r\n", 3000), "", "malformed=true "},
		"no boundary":              {long + "\r\n--b\r\n", "", "malformed=true "},
		"no boundary, short lines": {strings.Repeat("\r\n", 6000), "", "malformed=true "},
		"a long boundary":          {"--" + strings.Repeat("b", 300) + "\r\n", "", "malformed=true "},
		"a negative length":        {"--b\r\nContent-Length: -3\r\n\r\n", "", "malformed=true "},
		"a length beyond words":    {"--b\r\nContent-Length: 99999999999\r\n\r\n", "", "malformed=true "},
	} {
		for _, n := range []int{1, 2, 5, 1 << 20} {
			parts, said := readParts([]byte(test.stream), n, 20)
			if got := string(bytes.Join(parts, []byte("|"))); got != test.parts || said != test.said {
				t.Errorf("%s, in pieces of %d: %q, %q; want %q, %q", name, n, got, said, test.parts, test.said)
			}
		}
	}
}

// FuzzRead has any bytes read, in pieces of any size: the same is found.
func FuzzRead(f *testing.F) {
	f.Add([]byte("--b\r\nA: b\r\n\r\none\r\n--b\r\n\r\ntwo\n--b\n\nthree"), 3)
	f.Add([]byte("--b\r\nContent-Length: 7\r\n\r\n\n--b\r\n?\r\n--b\r\ncontent-length:3\r\n\r\ntwo\r\n--b\r\nContent-Length: 99\r\n\r\n"), 5)
	f.Add([]byte("--b\n\n"+strings.Repeat("-", 60)+"\n--b\n\nx\n--b--"), 7)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		n = 1 + (n&0x7fffffff)%(len(data)+1)
		want, says := readParts(data, len(data)+1, 40)
		got, said := readParts(data, n, 40)
		if !slices.EqualFunc(got, want, bytes.Equal) || said != says {
			t.Errorf("in pieces of %d: %q, %s; want %q, %s", n, got, said, want, says)
		}
	})
}
