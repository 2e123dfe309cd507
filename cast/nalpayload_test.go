package cast_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
)

// nalFrames are the frames of a stream in proto/nal/testdata.
func nalFrames(t *testing.T, name string) (frames []media.Frame) {
	t.Helper()
	data, err := os.ReadFile("../proto/nal/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	assembler := h264.NewAssembler(1 << 20)
	if strings.HasSuffix(name, "h265") {
		assembler = h265.NewAssembler(1 << 20)
	}
	stream := nal.NewStream(assembler)
	stream.Push(data)
	stream.End()
	for {
		f, ok, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return frames
		}
		f.Bytes = bytes.Clone(f.Bytes)
		frames = append(frames, f)
	}
}

// nalWorld has a stream of H.264 or H.265, which the test publishes.
type nalWorld struct {
	*world
	sent    []media.Frame
	changed int
}

func newNALWorld(t *testing.T, params *media.Params) *nalWorld {
	t.Helper()
	w := &nalWorld{world: newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)}
	var err error
	w.s, err = w.b.AddStream("cam", nil, cast.StreamOptions{Params: params, ParamsChanged: func(*cast.Stream) { w.changed++ }})
	w.must(err)
	return w
}

// publish publishes frames.
func (w *nalWorld) publish(frames []media.Frame) {
	w.t.Helper()
	for _, f := range frames {
		w.sent = append(w.sent, f)
		w.must(w.s.Publish(f))
		w.run(time.Second / framesPerSecond)
	}
}

// nalViewer puts frames together.
type nalViewer struct {
	depacketizer *rtp.NALDepacketizer
	frames       []media.Frame
}

// watches has a program's reader watch.
func (w *nalWorld) watches(ip string) *nalViewer {
	w.t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr(ip), 20000)
	peer, err := w.k.NewUDPPeer(at)
	w.must(err)
	v := &nalViewer{depacketizer: rtp.NewNALDepacketizer(w.s.Params().Format, 1<<20)}
	peer.OnReceive(func(d sim.Datagram) {
		if d.Payload[1] >= 192 && d.Payload[1] <= 223 {
			return
		}
		f, ok, err := v.depacketizer.Push(d.Payload)
		if err != nil {
			w.t.Error(err)
		}
		if ok {
			f.Bytes = bytes.Clone(f.Bytes)
			v.frames = append(v.frames, f)
		}
	})
	_, err = w.s.Join(cast.Address{RTP: at, RTCP: at}, nil)
	w.must(err)
	return v
}

// has fails unless the viewer has the frames from one on.
func (v *nalViewer) has(w *nalWorld, from int) {
	w.t.Helper()
	want := w.sent[from:]
	if len(v.frames) != len(want) {
		w.t.Fatalf("%d frames came, want %d", len(v.frames), len(want))
	}
	for i, f := range v.frames {
		if !bytes.Equal(f.Bytes, want[i].Bytes) {
			w.t.Errorf("frame %d is not as it was sent", from+i)
		}
	}
}

// TestNALStreams sends both formats. The parameters change in the middle: viewers go on, the
// description gets a new version, and who comes later is told the new ones.
func TestNALStreams(t *testing.T) {
	for _, encoding := range []string{"H264", "H265"} {
		first, second := nalFrames(t, "baseline."+strings.ToLower(encoding)), nalFrames(t, "cropped."+strings.ToLower(encoding))
		w := newNALWorld(t, first[0].Params)
		before, err := w.s.SDP()
		w.must(err)
		if before.PayloadType != 96 || before.Encoding != encoding+"/90000" || !strings.Contains(before.FormatParameters, "sprop-") {
			t.Errorf("%s is described by %+v", encoding, before)
		}
		early := w.watches("10.0.1.1")
		w.publish(first)
		w.publish(second)
		after, err := w.s.SDP()
		w.must(err)
		if after.Version != before.Version+1 || after.FormatParameters == before.FormatParameters || w.changed != 1 {
			t.Errorf("%s is then described by %+v; its change was told %d times", encoding, after, w.changed)
		}
		late := w.watches("10.0.1.2")
		joiner := w.joins("10.0.1.3:20000", "cam")
		joiner.blind = true
		w.run(300 * time.Millisecond)
		early.has(w, 0)
		late.has(w, len(first))
		for _, v := range []*nalViewer{early, late} {
			if last := v.frames[len(v.frames)-1].Params; last.Width != second[0].Params.Width || last.Height != second[0].Params.Height {
				t.Errorf("%s: the pictures are %dx%d at the end", encoding, last.Width, last.Height)
			}
		}
		if a := joiner.client.Accepted(); a == nil || a.Stream.Encoding != encoding || a.Stream.PayloadType != 96 || a.FormatParameters != after.FormatParameters {
			t.Errorf("%s: who joins is told %+v", encoding, a)
		}
	}
}

// TestNALFramesNeedNoMemory: frames in use are laid out and sent without memory of their own.
func TestNALFramesNeedNoMemory(t *testing.T) {
	key := nalFrames(t, "baseline.h264")[0]
	w := newNALWorld(t, key.Params)
	at := netip.MustParseAddrPort("10.0.1.1:20000")
	peer, err := w.k.NewUDPPeer(at)
	w.must(err)
	peer.CountOnly()
	_, err = w.s.Join(cast.Address{RTP: at, RTCP: at}, nil)
	w.must(err)
	frame := append(binary.BigEndian.AppendUint32(nil, 8000), bytes.Repeat([]byte{0x41}, 8000)...)
	n := 0
	publish := func() {
		w.must(w.s.Publish(media.Frame{Params: key.Params, Bytes: frame, Key: n%30 == 0, Captured: time.Duration(n+1) * time.Second / 30}))
		n++
	}
	for range 300 {
		publish()
	}
	if allocations := testing.AllocsPerRun(300, publish); allocations > 0 {
		t.Errorf("%v allocations per frame", allocations)
	}
}
