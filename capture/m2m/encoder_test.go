package m2m

import (
	"bytes"
	"errors"
	"image"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var size = image.Pt(34, 18)

func open(t *testing.T, m *made) *Encoder {
	t.Helper()
	e, err := newEncoder(m, Options{Device: Device{Path: "/dev/made"}, Coded: m.coded, Width: size.X, Height: size.Y, FramesPerSecond: 30, Bitrate: 1e6, KeyInterval: 60})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if e.Close(); m.mapped != 0 || !m.isClosed || m.on[captureQueue] || m.on[outputQueue] {
			t.Errorf("after Close: %d buffers mapped, closed %v, %v stream", m.mapped, m.isClosed, m.on)
		}
	})
	return e
}

// picture has another value in each pixel, and lines longer than it is wide.
func picture() *image.YCbCr {
	whole := image.NewYCbCr(image.Rect(0, 0, size.X+6, size.Y), image.YCbCrSubsampleRatio420)
	for i, plane := range [][]byte{whole.Y, whole.Cb, whole.Cr} {
		for at := range plane {
			plane[at] = byte(at*3 + i*50)
		}
	}
	return whole.SubImage(image.Rectangle{Max: size}).(*image.YCbCr)
}

// laid is the picture as it lies in the memory of a device, whose lines and columns are filled up.
func laid(p *image.YCbCr, align int, interleaved bool) []byte {
	w, h := (size.X+align-1)/align*align, (size.Y+align-1)/align*align
	out := make([]byte, w*h*3/2)
	for y := range size.Y {
		copy(out[y*w:], p.Y[y*p.YStride:][:size.X])
	}
	for y := range size.Y / 2 {
		for x := range size.X / 2 {
			cb, cr := p.Cb[y*p.CStride+x], p.Cr[y*p.CStride+x]
			if interleaved {
				out[w*h+y*w+2*x], out[w*h+y*w+2*x+1] = cb, cr
				continue
			}
			out[w*h+y*w/2+x], out[w*h*5/4+y*w/2+x] = cb, cr
		}
	}
	return out
}

// TestStructures has the sizes of videodev2.h on a machine of 64 bits, which are a part of the requests.
func TestStructures(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		return // the kernel has other numbers
	}
	for name, r := range map[string][2]uintptr{
		"QUERYCAP": {queryCapability, 0x80685600}, "ENUM_FMT": {enumFormat, 0xc0405602}, "S_FMT": {setFormat, 0xc0d05605},
		"REQBUFS": {requestBuffers, 0xc0145608}, "QUERYBUF": {queryBuffer, 0xc0585609}, "QBUF": {queueBuffer, 0xc058560f},
		"DQBUF": {dequeueBuffer, 0xc0585611}, "STREAMON": {streamOn, 0x40045612}, "STREAMOFF": {streamOff, 0x40045613},
		"S_PARM": {setParameters, 0xc0cc5616}, "S_CTRL": {setControl, 0xc008561c}, "ENCODER_CMD": {encoderCommand, 0xc028564d},
		"S_SELECTION": {setSelection, 0xc040565f},
	} {
		if r[0] != r[1] {
			t.Errorf("%s: %#x, want %#x", name, r[0], r[1])
		}
	}
}

// TestFrames has pictures of each layout be encoded: the device is given all pixels and the time.
func TestFrames(t *testing.T) {
	for _, c := range []struct {
		name  string
		raw   []string
		align int
	}{
		{"I420", []string{"RGB3", "NV12", "YU12"}, 1}, {"NV12", []string{"NV12"}, 1}, {"whole blocks", []string{"YU12"}, 16}, {"whole blocks of NV12", []string{"NV12"}, 32},
	} {
		for _, setsLate := range []bool{false, true} {
			m := newMade()
			m.raw, m.align, m.crops, m.setsLate = c.raw, uint32(c.align), true, setsLate
			e := open(t, m)
			p := picture()
			want := laid(p, c.align, c.raw[0] == "NV12")
			var coded []byte
			for n, key := range []bool{false, false, true, false} {
				var err error
				coded, err = e.Encode(coded, p, time.Duration(n)*time.Second+time.Millisecond, key)
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				header := []byte{0, 0, 0, 1, 0x61}
				if n == 0 || key {
					header = []byte{0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 1, 0, 0, 0, 1, 0x65}
				}
				if end := min(len(coded), len(header)+len(want)); !bytes.HasPrefix(coded, header) || !bytes.Equal(coded[len(header):end], want[:end-len(header)]) {
					t.Errorf("%s, sets late %v: frame %d is not the picture: % x...", c.name, setsLate, n, coded[:24])
				}
			}
			if m.streams != 1 || len(m.stamps) != 4 || m.stamps[3] != (unix.Timeval{Sec: 3, Usec: 1000}) {
				t.Errorf("%s: %d streams, times %v", c.name, m.streams, m.stamps)
			}
		}
	}
}

// TestSettings has the bit rate change, and a device without any control encode all the same: it begins
// anew for a key frame.
func TestSettings(t *testing.T) {
	m := newMade()
	e := open(t, m)
	if m.set[controlBitrate] != 1e6 || m.set[controlRepeatSets] != 1 || m.set[controlH264Interval] != 60 {
		t.Errorf("%v", m.set)
	}
	if err := e.SetBitrate(5e5); err != nil || m.set[controlBitrate] != 5e5 {
		t.Errorf("%v, %v", err, m.set)
	}
	for _, commands := range []bool{true, false} {
		m := newMade()
		m.controls, m.commands = nil, commands
		e := open(t, m)
		if err := e.SetBitrate(5e5); err != nil {
			t.Error(err)
		}
		for n, key := range []bool{true, false, true} {
			coded, err := e.Encode(nil, picture(), time.Duration(n), key)
			if err != nil || (coded[4] == 0x67) != key {
				t.Errorf("commands %v: %v, frame %d is a key frame: %v", commands, err, n, !key)
			}
		}
		if m.streams != 2 {
			t.Errorf("commands %v: %d streams, want 2", commands, m.streams)
		}
	}
}

// TestDrain ends a stream and begins another.
func TestDrain(t *testing.T) {
	m := newMade()
	e := open(t, m)
	for range 2 {
		if _, err := e.Encode(nil, picture(), 0, false); err != nil {
			t.Fatal(err)
		}
		if rest, err := e.Drain(nil); err != nil || len(rest) > 0 || m.on[captureQueue] || m.on[outputQueue] {
			t.Errorf("% x, %v, %v stream", rest, err, m.on)
		}
	}
	if rest, err := e.Drain(nil); err != nil || len(rest) > 0 {
		t.Errorf("drained twice: % x, %v", rest, err)
	}
}

// TestFaults has the device fail in each way: the error names it, at once.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*made)
		want string
	}{
		{"gone", func(m *made) { m.gone = true }, "no such device"},
		{"silent", func(m *made) { m.silent = true }, "encoded nothing in 2s"},
		{"broken", func(m *made) { m.broken = true }, "could not encode a picture"},
		{"wrong sizes", func(m *made) { m.wrong = true }, "there are none"},
		{"ended", func(m *made) { m.ends = true }, "has stopped"},
	} {
		m := newMade()
		e := open(t, m)
		if _, err := e.Encode(nil, picture(), 0, false); err != nil {
			t.Fatal(err)
		}
		c.set(m)
		coded, err := e.Encode(nil, picture(), 0, false)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "/dev/made: ") || len(coded) > 0 {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		m.gone = false
	}
	e := open(t, newMade())
	for _, p := range []*image.YCbCr{
		image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio422), image.NewYCbCr(image.Rect(0, 0, 32, 18), image.YCbCrSubsampleRatio420),
		{SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rectangle{Max: size}},
	} {
		if _, err := e.Encode(nil, p, 0, false); !errors.Is(err, errPicture) {
			t.Errorf("%v", err)
		}
	}
}

// TestRefused has devices that cannot encode what is wanted be refused, and be closed.
func TestRefused(t *testing.T) {
	o := Options{Device: Device{Path: "/dev/made"}, Coded: H264, Width: 34, Height: 18, FramesPerSecond: 30}
	for name, c := range map[string]struct {
		set  func(*made)
		want string
	}{
		"RGB alone":   {func(m *made) { m.raw = []string{"RGB3"} }, "neither YU12 nor NV12"},
		"no cropping": {func(m *made) { m.align = 16 }, "pictures of 34x18, not 48x32"},
		"gone":        {func(m *made) { m.gone = true }, "/dev/made: "},
	} {
		m := newMade()
		c.set(m)
		if _, err := newEncoder(m, o); err == nil || !strings.Contains(err.Error(), c.want) || !m.isClosed {
			t.Errorf("%s: %v, closed %v; want %q", name, err, m.isClosed, c.want)
		}
	}
	for _, o := range []Options{{}, {Width: 33, Height: 18, FramesPerSecond: 30}, {Width: 34, Height: 18}, {Coded: "H2", Width: 34, Height: 18, FramesPerSecond: 30}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	o.Device.Path = "/dev/null/none"
	if _, err := New(o); err == nil {
		t.Error("no error without a device")
	}
}

// TestInspect finds encoders by their formats alone.
func TestInspect(t *testing.T) {
	m := newMade()
	if card, ok := inspect(m, H264); card != "made up" || !ok {
		t.Errorf("%q, %v", card, ok)
	}
	for name, set := range map[string]func(*made){
		"another format": func(m *made) { m.coded = "FWHT" }, "no raw format": func(m *made) { m.raw = nil }, "gone": func(m *made) { m.gone = true },
		"codes both ways": func(m *made) { m.raw = []string{"YU12", H264} },
	} {
		m := newMade()
		set(m)
		if _, ok := inspect(m, H264); ok {
			t.Errorf("%s: is an encoder", name)
		}
	}
}

// TestAllocations wants none per picture.
func TestAllocations(t *testing.T) {
	m := newMade()
	e := open(t, m)
	p := picture()
	m.silent = true // the driver of the test allocates
	encode := func() {
		e.free = append(e.free[:0], 0)
		m.queued[outputQueue] = m.queued[outputQueue][:0]
		_, _ = e.room()
		e.layout.put(e.in[0], p)
		_ = e.set(controlForceKey, 1)
		_ = e.isFrame(p.Y)
	}
	if n := testing.AllocsPerRun(100, encode); n > 0 {
		t.Errorf("%v allocations a picture", n)
	}
}
