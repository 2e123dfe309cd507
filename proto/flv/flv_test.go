package flv_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/flv"
)

// read reads a stream in parts of n bytes, and says what it has in words.
func read(data []byte, n, most int) string {
	var b strings.Builder
	r := flv.NewReader(most)
	for len(data) > 0 {
		part := data[:min(n, len(data))]
		data = data[len(part):]
		r.Push(part)
		for {
			tag, ok, err := r.Next()
			if errors.Is(err, flv.ErrTooLarge) {
				fmt.Fprint(&b, "large ")
				continue
			}
			if err != nil {
				fmt.Fprintf(&b, "malformed=%v ", errors.Is(err, flv.ErrMalformed))
				return b.String()
			}
			if !ok {
				break
			}
			say(&b, tag)
		}
	}
	return b.String()
}

func say(b *strings.Builder, tag flv.Tag) {
	v, err := flv.ParseVideo(tag.Data)
	switch {
	case err != nil:
		fmt.Fprintf(b, "bad ")
	case v.Config != nil:
		c, err := flv.ParseConfig(v.Format, v.Config)
		fmt.Fprintf(b, "%v:sets=%d,length=%d,bad=%v ", v.Format, len(c.Sets), c.LengthBytes, err != nil)
		for rest := tag.Data; err == nil && len(rest) > 0; {
			_, rest, err = c.NextUnit(rest)
		}
	case v.Frame != nil:
		fmt.Fprintf(b, "%d+%d:%d", tag.Time.Milliseconds(), v.Composition.Milliseconds(), len(v.Frame))
		if v.Key {
			b.WriteByte('K')
		}
		b.WriteByte(' ')
	}
}

// TestFFmpeg wants of a file of ffmpeg's the times and sizes that ffprobe gives, in whatever parts it comes.
func TestFFmpeg(t *testing.T) {
	data, err := os.ReadFile("testdata/h264.flv")
	if err != nil {
		t.Fatal(err)
	}
	const want = "H.264:sets=2,length=4,bad=false 0+80:1215K 40+160:36 80+40:12 120+40:12 160+80:566K 200+160:24 240+40:12 280+40:12 "
	for n := 1; n <= len(data); n++ {
		if got := read(data, n, 4096); got != want {
			t.Fatalf("in parts of %d: %s; want %s", n, got, want)
		}
	}
	for cut := range data { // what has come wholly is there
		if got := read(data[:cut], 1000, 4096); !strings.HasPrefix(want, got) {
			t.Fatalf("cut at byte %d: %s", cut, got)
		}
	}
	const large = "H.264:sets=2,length=4,bad=false large 40+160:36 80+40:12 120+40:12 large 200+160:24 240+40:12 280+40:12 "
	if got := read(data, 100, 200); got != large {
		t.Errorf("with a limit: %s; want %s", got, large)
	}
	if got := read(slices.Concat(data, data), 77, 4096); got != want+want {
		t.Errorf("twice: %s", got)
	}
}

// tag is one of video.
func tag(milliseconds uint32, data ...byte) []byte {
	n := len(data)
	b := []byte{9, byte(n >> 16), byte(n >> 8), byte(n), byte(milliseconds >> 16), byte(milliseconds >> 8), byte(milliseconds), byte(milliseconds >> 24), 0, 0, 0}
	return binary.BigEndian.AppendUint32(append(b, data...), uint32(11+n))
}

var header = []byte("FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00")

// hvcC is a record of H.265 with three sets.
var hvcC = slices.Concat(make([]byte, 21), []byte{0xff, 3, 0xa0, 0, 1, 0, 2, 0x40, 1, 0xa1, 0, 1, 0, 3, 0x42, 1, 7, 0xa2, 0, 1, 0, 2, 0x44, 1})

func TestTags(t *testing.T) {
	for name, test := range map[string]struct {
		tags []byte
		want string
	}{
		"enhanced H.265": {slices.Concat(tag(0, append([]byte("\x90hvc1"), hvcC...)...), tag(20, []byte("\x91hvc1\xff\xff\xec\x00\x00\x00\x02\x26\x01")...), tag(40, []byte("\xa3hvc1\x00\x00\x00\x02\x02\x01")...)),
			"H.265:sets=3,length=4,bad=false 20+-20:6K 40+0:6 "},
		"enhanced H.264":        {tag(5, []byte("\x93avc1\x00\x00\x00\x01\x65")...), "5+0:5K "},
		"H.265 by its number":   {tag(5, []byte("\x1c\x01\x00\x00\x00\x00\x00\x00\x01\x26")...), "5+0:5K "},
		"a record that is cut":  {tag(0, append([]byte("\x90hvc1"), hvcC[:len(hvcC)-1]...)...), "H.265:sets=0,length=0,bad=true "},
		"Sorenson H.263":        {tag(0, 0x12, 1, 2, 3, 4, 5), "bad "},
		"AV1":                   {tag(0, []byte("\x91av01abcdefg")...), "bad "},
		"an empty tag":          {tag(0), "bad "},
		"too short":             {slices.Concat(tag(0, 0x17, 1), tag(0, []byte("\x91hv")...), tag(0, []byte("\x91hvc1\x00")...)), "bad bad bad "},
		"the end of a sequence": {tag(0, 0x17, 2, 0, 0, 0), ""},
		"a command":             {tag(0, 0x57, 0), ""},
		"metadata":              {tag(0, []byte("\x94hvc1abcdef")...), ""},
		"no tag":                {[]byte("garbage, and more of it"), "malformed=true "},
		"another stream's id":   {[]byte{9, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9, 0x17}, "malformed=true "},
		"the rollover of times": {slices.Concat(tag(0xfffffff0, []byte("\xa3hvc1x")...), tag(0x10, []byte("\xa3hvc1x")...)), "-16+0:1 16+0:1 "},
	} {
		for _, n := range []int{1, 3, 1000} {
			if got := read(slices.Concat(header, test.tags), n, 1000); got != test.want {
				t.Errorf("%s, in parts of %d: %q, want %q", name, n, got, test.want)
			}
		}
	}
	for _, data := range []string{"FLW\x01\x01\x00\x00\x00\x09", "X", "FLV\x01\x01\x00\x00\x00\x08", "FLV\x01\x01\x01\x00\x00\x09"} {
		if got := read([]byte(data), 1, 1000); got != "malformed=true " {
			t.Errorf("%q: %s", data, got)
		}
	}
}

// TestCodecIsNamed wants to be told which codec it is that cannot be used.
func TestCodecIsNamed(t *testing.T) {
	for data, want := range map[string]string{"\x12\x00": "Sorenson H.263", "\x1a\x00": "codec 10", "\x90vp09": `"vp09"`} {
		if _, err := flv.ParseVideo([]byte(data)); !errors.Is(err, flv.ErrCodec) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestUnitLengths(t *testing.T) {
	for n := 1; n <= 4; n++ {
		c := flv.Config{LengthBytes: n}
		length := make([]byte, n)
		length[n-1] = 2
		unit, rest, err := c.NextUnit(slices.Concat(length, []byte("abcd")))
		if err != nil || string(unit) != "ab" || string(rest) != "cd" {
			t.Errorf("lengths of %d bytes: %q, %q, %v", n, unit, rest, err)
		}
		for cut := 0; cut < n+2; cut++ {
			if _, _, err := c.NextUnit(slices.Concat(length, []byte("ab"))[:cut]); err == nil {
				t.Errorf("lengths of %d bytes, cut at %d: no error", n, cut)
			}
		}
	}
}

// FuzzRead has any bytes read, in parts of any size: the same is found.
func FuzzRead(f *testing.F) {
	data, err := os.ReadFile("testdata/h264.flv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:600], 5)
	f.Add(slices.Concat(header, tag(0, append([]byte("\x90hvc1"), hvcC...)...), tag(40, []byte("\xa3hvc1\x00\x00\x00\x02\x02\x01")...)), 1)
	f.Add(slices.Concat(header, tag(5, bytes.Repeat([]byte{0x17}, 90)...), header, tag(9, 0x27, 1, 0, 0, 40, 0, 0, 0, 1, 0x41)), 7)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		n = 1 + (n&0x7fffffff)%(len(data)+1)
		want := read(data, len(data)+1, 1000)
		if got := read(data, n, 1000); got != want {
			t.Errorf("in parts of %d: %q, want %q", n, got, want)
		}
		_, _ = flv.ParseConfig(media.H264, data)
		_, _ = flv.ParseConfig(media.H265, data)
	})
}

// TestReadCosts wants frames to be read without an allocation.
func TestReadCosts(t *testing.T) {
	r := flv.NewReader(1 << 20)
	r.Push(header)
	frame := tag(5, bytes.Repeat([]byte{0x17}, 50000)...)
	if n := testing.AllocsPerRun(100, func() {
		r.Push(frame)
		if _, ok, err := r.Next(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a tag", n)
	}
}
