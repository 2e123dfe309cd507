package bytestream

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
)

const root = "../../../proto/"

// streams are streams of each format, what they are found to be, and how many frames they have.
var streams = []struct {
	file, format string
	frames       int
}{
	{"flv/testdata/h264.flv", FLV, 8},
	{"mpegts/testdata/h264.ts", MPEGTS, 8},
	{"mpegts/testdata/h265.ts", MPEGTS, 8},
	{"multipart/testdata/ffmpeg.multipart", Multipart, 3},
	{"multipart/testdata/gstreamer.multipart", Multipart, 3},
	{"nal/testdata/bframes.h265", H265, 0},
	{"nal/testdata/baseline.h264", H264, 0},
	{"mjpeg", MJPEG, 6},
}

func load(t testing.TB, file string) []byte {
	t.Helper()
	if file == "mjpeg" { // the pictures of both, without their heads
		var all []byte
		for _, of := range []string{"ffmpeg", "gstreamer"} {
			got, _ := demuxed(load(t, "multipart/testdata/"+of+".multipart"), Auto, 1<<20)
			for _, picture := range got.bytes {
				all = append(all, picture...)
			}
		}
		return all
	}
	data, err := os.ReadFile(root + file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// result is what a demuxer has made of a stream.
type result struct {
	bytes [][]byte
	said  string
}

func (r result) equal(other result) bool {
	return r.said == other.said && slices.EqualFunc(r.bytes, other.bytes, bytes.Equal)
}

// demuxed gives a demuxer a stream in parts of n bytes, and its end.
func demuxed(data []byte, format string, n int) (r result, d *Demuxer) {
	var said strings.Builder
	d = NewDemuxer(format, 1<<20, func(f media.Frame, order int, isTimed bool) {
		r.bytes = append(r.bytes, bytes.Clone(f.Bytes))
		fmt.Fprintf(&said, "%v,%dx%d,%v,%v,%x ", f.Params.Format, f.Params.Width, f.Params.Height, f.Key, isTimed, crc32.ChecksumIEEE(f.Bytes))
	})
	var err error
	for len(data) > 0 && err == nil {
		part := data[:min(n, len(data))]
		data = data[len(part):]
		err = d.Push(bytes.Clone(part), time.Hour)
	}
	if err == nil {
		err = d.End(time.Hour)
	}
	fmt.Fprintf(&said, "broken=%d,%v", d.Broken(), err)
	r.said = said.String()
	return r, d
}

// TestDemux finds out the format of each stream, and finds the same frames in whatever parts it comes.
func TestDemux(t *testing.T) {
	for _, test := range streams {
		data := load(t, test.file)
		want, d := demuxed(data, Auto, len(data))
		if d.Format() != test.format || test.frames != 0 && len(want.bytes) != test.frames || len(want.bytes) == 0 || !strings.HasSuffix(want.said, "broken=0,<nil>") {
			t.Errorf("%s is %s, with %d frames, want %s with %d: %s", test.file, d.Format(), len(want.bytes), test.format, test.frames, want.said)
		}
		for _, n := range []int{1, 7, 188, 1000} {
			if got, _ := demuxed(data, Auto, n); !got.equal(want) {
				t.Errorf("%s in parts of %d: %s; want %s", test.file, n, got.said, want.said)
			}
		}
		if got, _ := demuxed(data, test.format, 50); !got.equal(want) {
			t.Errorf("%s with its format given: %s; want %s", test.file, got.said, want.said)
		}
	}
}

// TestCutAtEveryByte cuts each stream off at every byte: the frames before the cut are there, and at most
// one that is cut.
func TestCutAtEveryByte(t *testing.T) {
	for _, test := range streams {
		data := load(t, test.file)
		data = data[:min(len(data), 6000)]
		want, _ := demuxed(data, test.format, len(data))
		for cut := 0; cut < len(data); cut += 1 + cut/100 {
			got, _ := demuxed(data[:cut], test.format, 3000)
			whole := max(len(got.bytes)-1, 0)
			if len(got.bytes) > len(want.bytes) || !slices.EqualFunc(got.bytes[:whole], want.bytes[:whole], bytes.Equal) {
				t.Fatalf("%s cut at byte %d: %d frames, of %d, or others", test.file, cut, len(got.bytes), len(want.bytes))
			}
		}
	}
}

func TestDetect(t *testing.T) {
	for begin, want := range map[string]string{
		"":                             "",
		"F":                            "",
		"FLV":                          "",
		"FLV\x01\x05":                  FLV,
		"\xff\xd8":                     "",
		"\xff\xd8\xff":                 MJPEG,
		"\r\n--b":                      Multipart,
		"HTTP/1.1 200 OK":              Multipart,
		"\x00\x00\x00\x01\x67\x42":     H264,
		"\x00\x00\x01\x40\x01":         H265,
		"\x00\x00\x00\x00\x00\x00\x00": "",
		"G" + strings.Repeat("x", 100): "",
		"hello, world":                 "begin none of",
		strings.Repeat("\x00", 200):    "begin none of",
		"G" + strings.Repeat("x", 200): "begin none of",
		"GIF89a":                       "GIF",
		"\x1a\x45\xdf\xa3xx":           "Matroska",
		"\x00\x00\x00\x20ftypisom":     "MP4",
		"YUV4MPEG2 W640":               "raw video",
		"\x00\x00\x01\xb3\x00\x00":     "MPEG-2 video",
		"\x00\x00\x00\x01\xff\xff":     "",
	} {
		format, err := detect([]byte(begin), false)
		if said := fmt.Sprint(err); format != want && !(err != nil && want != "" && strings.Contains(said, want)) {
			t.Errorf("%.20q is %q, %v; want %q", begin, format, err, want)
		}
	}
	if _, err := detect([]byte("FL"), true); err == nil {
		t.Error("what ends before it is known is known")
	}
}

// TestUseless gives up a stream that has no pictures, and not one that has a few.
func TestUseless(t *testing.T) {
	for _, format := range Formats[1:] {
		frames := 0
		d := NewDemuxer(format, 1<<10, func(media.Frame, int, bool) { frames++ })
		var err error
		n := 0
		for ; err == nil && n < 100; n++ {
			err = d.Push(bytes.Repeat(append([]byte{0, 0, 1, 9, 7, 0xff, 0xd8, 0xff, 0x47}, bytes.Repeat([]byte{'x'}, 191)...), 500), time.Hour)
		}
		if err == nil || frames > 0 {
			t.Errorf("%s: %d frames in %d parts of garbage, %v", format, frames, n, err)
		}
	}
}

// TestUnitsOfATag has a tag of FLV be full of units of one byte: most of them are not looked at, as all of the tag is
// taken in one turn of the loop, and those that are count as work.
func TestUnitsOfATag(t *testing.T) {
	const most = 1 << 20
	for _, lengthBytes := range []int{1, 2, 4} {
		for _, kind := range []byte{0, 1, 6, 9, 12, 0x65, 0x67} {
			unit := append(make([]byte, lengthBytes-1), 1, kind)
			video := append([]byte{0x17, 1, 0, 0, 0}, bytes.Repeat(unit, (most-5)/len(unit))...)
			data := []byte("FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00")
			for _, tag := range [][]byte{{0x17, 0, 0, 0, 0, 1, 66, 0, 30, 0xfc | byte(lengthBytes-1), 0xe0, 0}, video} {
				data = append(data, 9, byte(len(tag)>>16), byte(len(tag)>>8), byte(len(tag)), 0, 0, 0, 0, 0, 0, 0)
				data = append(append(data, tag...), 0, 0, 0, 0)
			}
			_, d := demuxed(data, FLV, mostRead)
			if d.Broken() != 1 || d.Steps() < maxUnits || d.Steps() > maxUnits+10 {
				t.Errorf("lengths of %d bytes, type %#x: %d steps, %d frames are broken", lengthBytes, kind, d.Steps(), d.Broken())
			}
		}
	}
}

// FuzzDemux has any bytes taken, in parts of any size: the same frames are found.
func FuzzDemux(f *testing.F) {
	for i, test := range streams {
		data := load(f, test.file)
		f.Add(data[:min(len(data), 3000)], uint8(slices.Index(Formats, test.format)), uint64(i))
		f.Add(data[:min(len(data), 700)], uint8(0), uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, format uint8, seed uint64) {
		name := Formats[int(format)%len(Formats)]
		random := rand.New(rand.NewPCG(seed, 1))
		n := 1 + random.IntN(len(data)+1)
		want, _ := demuxed(data, name, len(data)+1)
		if got, _ := demuxed(data, name, n); !got.equal(want) {
			t.Errorf("%s in parts of %d: %s; want %s", name, n, got.said, want.said)
		}
		pausing(data, name, n)
	})
}

// pausing gives a demuxer a stream with pauses.
func pausing(data []byte, format string, n int) {
	d := NewDemuxer(format, 1<<20, func(f media.Frame, _ int, _ bool) {
		if f.Captured < f.Decode {
			panic("a frame is decoded after it is shown")
		}
	})
	for now := time.Hour; len(data) > 0; now += time.Millisecond {
		part := data[:min(n, len(data))]
		data = data[len(part):]
		if d.Push(part, now) != nil || d.Pause() != nil {
			return
		}
	}
}

// TestDemuxCosts wants frames to be taken without an allocation.
func TestDemuxCosts(t *testing.T) {
	for _, test := range streams {
		data := load(t, test.file)
		d := NewDemuxer(test.format, 1<<20, func(media.Frame, int, bool) {})
		once := func() {
			if err := d.Push(data, time.Hour); err != nil {
				t.Fatal(err)
			}
			_ = d.Pause()
		}
		once()
		most := 0.0
		if test.format == FLV {
			most = 2 // it lists the parameter sets, which come once in a stream
		}
		if n := testing.AllocsPerRun(20, once); n > most {
			t.Errorf("%s: %v allocations a time", test.file, n)
		}
	}
}
