package mpegts_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/mpegts"
)

// read reads a stream in parts of n bytes: what it says of frames, in words, and the video.
func read(data []byte, n int) (said string, video []byte) {
	var b strings.Builder
	size := 0
	end := func() {
		if size > 0 {
			fmt.Fprintf(&b, ":%d ", size)
		}
		size = 0
	}
	r := mpegts.NewReader()
	for len(data) > 0 {
		part := data[:min(n, len(data))]
		data = data[len(part):]
		r.Push(part)
		for {
			chunk, ok, err := r.Next()
			if err != nil {
				end()
				return b.String() + fmt.Sprintf("malformed=%v,codec=%v", errors.Is(err, mpegts.ErrMalformed), errors.Is(err, mpegts.ErrCodec)), video
			}
			if !ok {
				break
			}
			if chunk.Begins {
				end()
				fmt.Fprintf(&b, "%v", chunk.Format)
				if chunk.HasTime {
					fmt.Fprintf(&b, ",%d+%d", chunk.Decoded.Milliseconds(), (chunk.Shown - chunk.Decoded).Milliseconds())
				}
			}
			size += len(chunk.Data)
			video = append(video, chunk.Data...)
		}
	}
	end()
	return b.String(), video
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const (
	h264 = "H.264,1400+80:1257 H.264,1440+160:42 H.264,1480+40:18 H.264,1520+40:18 H.264,1560+80:609 H.264,1600+160:30 H.264,1640+40:19 H.264,1680+40:18 "
	// ffprobe counts the first byte of a start code to the frame before.
	h265 = "H.265,1400+80:2891 H.265,1440+240:71 H.265,1480+120:22 H.265,1520+0:23 H.265,1560+0:23 H.265,1600+40:23 H.265,1640+120:35 H.265,1680+40:23 "
)

// TestFFmpeg wants of streams of ffmpeg's the times and sizes that ffprobe gives, in whatever parts they come.
func TestFFmpeg(t *testing.T) {
	for name, want := range map[string]string{"h264.ts": h264, "h265.ts": h265} {
		data := load(t, name)
		for n := 1; n <= len(data); n += 1 + n/20 {
			got, video := read(data, n)
			if got != want || !bytes.HasPrefix(video, []byte{0, 0, 0, 1}) {
				t.Fatalf("%s in parts of %d: %s; want %s", name, n, got, want)
			}
		}
		whole := strings.Fields(want)
		for cut := 0; cut < len(data); cut += 1 + cut%3 { // what has come wholly is there
			got, _ := read(data[:cut], 500)
			if words := strings.Fields(got); len(words) > 1 && !slices.Equal(words[:len(words)-1], whole[:len(words)-1]) {
				t.Fatalf("%s cut at byte %d: %s", name, cut, got)
			}
		}
	}
}

// TestSync finds the packets again after other bytes, and gives up when there are too many.
func TestSync(t *testing.T) {
	data := load(t, "h264.ts")
	for _, n := range []int{1, 100, 1 << 20} {
		if got, _ := read(slices.Concat([]byte("garbage"), data, make([]byte, 60_000), data), n); got[:len(h264)] != h264 || !strings.HasSuffix(got, "1680+40:18 ") {
			t.Errorf("in parts of %d: %s", n, got)
		}
		if got, _ := read(make([]byte, 70_000), n); got != "malformed=true,codec=false" {
			t.Errorf("zeros, in parts of %d: %s", n, got)
		}
	}
}

// edited is a stream whose tables' packets are changed: the association and the map.
func edited(t *testing.T, edit func(packet []byte)) []byte {
	data := load(t, "h264.ts")
	for at := 0; at+mpegts.PacketBytes <= len(data); at += mpegts.PacketBytes {
		if p := data[at : at+mpegts.PacketBytes]; p[2] == 0 && (p[1] == 0x40 || p[1] == 0x50) {
			edit(p)
		}
	}
	return data
}

// typed is a stream whose video is said to be of another type.
func typed(t *testing.T, kind byte) []byte {
	return edited(t, func(p []byte) {
		if i := bytes.Index(p, []byte{0x1b, 0xe1}); i >= 0 {
			p[i] = kind
		}
	})
}

func TestTables(t *testing.T) {
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"MPEG-2 video":               {typed(t, 2), "malformed=true,codec=true"},
		"no video":                   {typed(t, 6), ""},
		"tables that apply later":    {edited(t, func(p []byte) { p[10] &^= 1 }), ""},
		"pointers beyond":            {edited(t, func(p []byte) { p[4] = 200 }), ""},
		"tables that claim much":     {edited(t, func(p []byte) { p[6] |= 0x0f }), ""},
		"tables that claim nothing":  {edited(t, func(p []byte) { p[6], p[7] = 0xb0, 0 }), ""},
		"tables of another kind":     {edited(t, func(p []byte) { p[5] = 0x42 }), ""},
		"adaptation fields too long": {edited(t, func(p []byte) { p[3] |= 0x20; p[4] = 255 }), ""},
		"damaged packets":            {edited(t, func(p []byte) { p[1] |= 0x80 }), ""},
	} {
		if got, _ := read(test.data, 100); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// FuzzRead has any bytes read, in parts of any size: the same is found.
func FuzzRead(f *testing.F) {
	f.Add(load(f, "h264.ts")[:188*6], 5)
	f.Add(slices.Concat([]byte("junk"), load(f, "h265.ts")[:188*5]), 189)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		n = 1 + (n&0x7fffffff)%(len(data)+1)
		want, video := read(data, len(data)+1)
		if got, parts := read(data, n); got != want || !bytes.Equal(parts, video) {
			t.Errorf("in parts of %d: %q, want %q, or other bytes", n, got, want)
		}
	})
}

// TestReadCosts wants a stream to be read without an allocation.
func TestReadCosts(t *testing.T) {
	data := load(t, "h264.ts")
	r := mpegts.NewReader()
	if n := testing.AllocsPerRun(100, func() {
		r.Push(data)
		for {
			if _, ok, err := r.Next(); err != nil {
				t.Fatal(err)
			} else if !ok {
				return
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations in %d bytes", n, len(data))
	}
}
