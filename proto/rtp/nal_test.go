package rtp_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
	pion "github.com/pion/rtp"
)

const mostFrame = 4 << 20

// nalStreams are those of proto/nal/testdata.
var nalStreams = []string{
	"baseline.h264", "slices.h264", "bframes.h264", "recovery.h264", "refresh.h264", "fields.h264", "cropped.h264",
	"baseline.h265", "bframes.h265", "slices.h265", "cropped.h265",
}

func formatOf(name string) media.Format {
	if filepath.Ext(name) == ".h265" {
		return media.H265
	}
	return media.H264
}

func assemblerOf(f media.Format) *nal.Assembler {
	if f == media.H265 {
		return h265.NewAssembler(mostFrame)
	}
	return h264.NewAssembler(mostFrame)
}

// nalFrames reads a stream's frames.
func nalFrames(tb testing.TB, name string) (frames []media.Frame) {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("../nal/testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	s := nal.NewStream(assemblerOf(formatOf(name)))
	s.Push(data)
	s.End()
	for {
		f, ok, err := s.Next()
		if err != nil {
			tb.Fatal(name, err)
		}
		if !ok {
			return frames
		}
		f.Bytes = bytes.Clone(f.Bytes)
		frames = append(frames, f)
	}
}

// madeParams are those of madeFrame.
var madeParams = map[media.Format]*media.Params{}

// madeFrame makes a frame of slices of these lengths, of which a decoder would make nothing, with
// the parameter sets of a real stream.
func madeFrame(tb testing.TB, f media.Format, key bool, lengths ...int) media.Frame {
	tb.Helper()
	name, header := "baseline.h264", []byte{0x41, 0x9a}
	if f == media.H265 {
		name, header = "baseline.h265", []byte{0x02, 0x01, 0xd0}
	}
	if key && f == media.H264 {
		header[0] = 0x65
	} else if key {
		header[0], header[2] = 0x26, 0xe8
	}
	if madeParams[f] == nil {
		madeParams[f] = nalFrames(tb, name)[0].Params
	}
	made := media.Frame{Params: madeParams[f], Key: key}
	for i, n := range lengths {
		unit := append(bytes.Clone(header), bytes.Repeat([]byte{byte(i + 5)}, n)...)[:n]
		for j := range unit[min(len(header), n):] {
			unit[len(header)+j] += byte(j % 50)
		}
		made.Bytes = nal.Append(made.Bytes, unit)
	}
	return made
}

func newNALPacketizer(tb testing.TB, f media.Format, packetSize, runPackets int) *rtp.NALPacketizer {
	tb.Helper()
	p, err := rtp.NewNALPacketizer(rtp.NALConfig{
		Format: f, PayloadType: 96, SSRC: 0x01020304, FirstSequence: 65530, PacketSize: packetSize, RunPackets: runPackets,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// checkNAL fails unless the packets obey the rules of the layout.
func checkNAL(t *testing.T, packets *rtp.Packets, first uint16, packetSize, runPackets int) {
	t.Helper()
	n, all := 0, 0
	for i := range packets.Runs() {
		run, segment, in := packets.Run(i), packets.PacketSize, 0
		all += len(run)
		if len(run) > 65507 || segment > packetSize || len(run) == 0 {
			t.Fatalf("run %d has %d bytes in packets of %d", i, len(run), segment)
		}
		for cut := range slices.Chunk(run, segment) {
			if n >= packets.Count || !bytes.Equal(cut, packets.Packet(n)) {
				t.Fatalf("run %d, cut every %d bytes, gives another packet %d", i, segment, n)
			}
			var h pion.Packet
			if err := h.Unmarshal(cut); err != nil {
				t.Fatal(err)
			}
			if h.Marker != (n == packets.Count-1) || h.PayloadType != 96 || h.SSRC != 0x01020304 || h.Timestamp != 777 || h.SequenceNumber != first+uint16(n) {
				t.Fatalf("packet %d of %d: header %+v", n, packets.Count, h.Header)
			}
			n++
			in++
		}
		if in > runPackets || in > 1 && len(run)%segment == 0 {
			t.Fatalf("run %d has %d packets of %d bytes, the last one of %d", i, in, segment, len(run)-(in-1)*segment)
		}
	}
	if n != packets.Count || all != len(packets.Bytes) {
		t.Fatalf("the runs hold %d packets and %d bytes, want %d and %d", n, all, packets.Count, len(packets.Bytes))
	}
}

// through sends a frame's packets through a depacketizer.
func through(t *testing.T, d *rtp.NALDepacketizer, packets *rtp.Packets) (frames []media.Frame) {
	t.Helper()
	for i := range packets.Count {
		f, ok, err := d.Push(packets.Packet(i))
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			f.Bytes = bytes.Clone(f.Bytes)
			frames = append(frames, f)
		}
	}
	return frames
}

// TestNALRoundTrip lays all frames of all streams out, and puts them together again.
func TestNALRoundTrip(t *testing.T) {
	for _, name := range nalStreams {
		frames := nalFrames(t, name)
		for _, size := range []int{172, 173, 256, 400, 601, 1452, 9000, 65507} {
			for _, run := range []int{1, 2, 3, 16, 64} {
				t.Run(fmt.Sprintf("%s/%d/%d", name, size, run), func(t *testing.T) {
					p, d := newNALPacketizer(t, formatOf(name), size, run), rtp.NewNALDepacketizer(formatOf(name), mostFrame)
					var buffer []byte
					for i, f := range frames {
						first := p.NextSequence()
						packets, err := p.Packetize(buffer, &f, 777)
						if err != nil {
							t.Fatal(err)
						}
						checkNAL(t, &packets, first, size, run)
						buffer = packets.Bytes
						got := through(t, d, &packets)
						if len(got) != 1 || !sameFrame(&got[0], &f) || d.Gap() || d.Timestamp() != 777 {
							t.Fatalf("frame %d: %d frames, gap %v, want the one that was sent", i, len(got), d.Gap())
						}
					}
					if d.Dropped > 0 {
						t.Errorf("%d are dropped", d.Dropped)
					}
				})
			}
		}
	}
}

func sameFrame(a, b *media.Frame) bool {
	return bytes.Equal(a.Bytes, b.Bytes) && a.Key == b.Key && a.Disposable == b.Disposable && a.Params.Equal(b.Params)
}

// TestNALLengths has units be of all lengths around that of a few packets, alone and with others.
func TestNALLengths(t *testing.T) {
	for _, format := range []media.Format{media.H264, media.H265} {
		for _, run := range []int{1, 2, 3, 64} {
			p, d := newNALPacketizer(t, format, 200, run), rtp.NewNALDepacketizer(format, mostFrame)
			for n := 4; n < 650; n++ {
				for _, lengths := range [][]int{{n}, {n, n}, {n, 50, n}, {90, n, 700}} {
					f := madeFrame(t, format, n == 4, lengths...)
					first := p.NextSequence()
					packets, err := p.Packetize(nil, &f, 777)
					if err != nil {
						t.Fatal(err)
					}
					checkNAL(t, &packets, first, 200, run)
					if got := through(t, d, &packets); len(got) != 1 || !bytes.Equal(got[0].Bytes, f.Bytes) {
						t.Fatalf("%v: slices of %v bytes: %d frames, want the one that was sent", format, lengths, len(got))
					}
				}
			}
		}
	}
}

// TestLargeFrame has a frame of 3 MB, and one of more packets than a frame may have.
func TestLargeFrame(t *testing.T) {
	p, d := newNALPacketizer(t, media.H264, 1452, 64), rtp.NewNALDepacketizer(media.H264, mostFrame)
	f := madeFrame(t, media.H264, true, 3<<20)
	packets, err := p.Packetize(nil, &f, 777)
	if err != nil {
		t.Fatal(err)
	}
	checkNAL(t, &packets, 65530, 1452, 45) // 65507 bytes
	if got := through(t, d, &packets); len(got) != 1 || !bytes.Equal(got[0].Bytes, f.Bytes) {
		t.Errorf("%d frames, want the one that was sent", len(got))
	}
	next := p.NextSequence()
	f = madeFrame(t, media.H264, true, 25<<20)
	if _, err := p.Packetize(nil, &f, 777); err == nil || p.NextSequence() != next {
		t.Errorf("a frame of 25 MB: %v, and the next number is %d, want %d", err, p.NextSequence(), next)
	}
}

// TestRefusedFrames are none that can be laid out: no number is used, and the next frame is.
func TestRefusedFrames(t *testing.T) {
	good := madeFrame(t, media.H264, true, 100)
	p := newNALPacketizer(t, media.H264, 400, 4)
	for name, f := range map[string]media.Frame{
		"no parameters": {Bytes: good.Bytes},
		"H.265":         madeFrame(t, media.H265, true, 100),
		"empty":         {Params: good.Params},
		"cut off":       {Params: good.Params, Bytes: good.Bytes[:50]},
	} {
		if _, err := p.Packetize(nil, &f, 777); err == nil || p.NextSequence() != 65530 {
			t.Errorf("%s: %v, and the next number is %d", name, err, p.NextSequence())
		}
	}
	if _, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: media.JPEG, PacketSize: 400, RunPackets: 4}); err == nil {
		t.Error("JPEG has NAL units")
	}
	packets, err := p.Packetize(nil, &good, 777)
	if err != nil {
		t.Fatal(err)
	}
	checkNAL(t, &packets, 65530, 400, 4)
}

// TestUnitOfOneByte is an end of sequence, which has a header alone, in a packet with others.
func TestUnitOfOneByte(t *testing.T) {
	f := madeFrame(t, media.H264, true, 50)
	f.Bytes = nal.Append(f.Bytes, []byte{10})
	packets, err := newNALPacketizer(t, media.H264, 400, 4).Packetize(nil, &f, 777)
	if err != nil || packets.Count != 1 {
		t.Fatal(packets.Count, err)
	}
	if got := through(t, rtp.NewNALDepacketizer(media.H264, mostFrame), &packets); len(got) != 1 || !bytes.Equal(got[0].Bytes, f.Bytes) {
		t.Errorf("%d frames, want the one that was sent", len(got))
	}
}

// TestParameterSetsAreSent before each key frame, and when they change.
func TestParameterSetsAreSent(t *testing.T) {
	p := newNALPacketizer(t, media.H264, 1200, 64)
	key, other := madeFrame(t, media.H264, true, 100), madeFrame(t, media.H264, false, 100)
	other.Params = key.Params
	changed := other
	changed.Params = &media.Params{Format: media.H264, ParameterSets: key.Params.ParameterSets, Version: 1}
	for i, c := range []struct {
		frame *media.Frame
		sets  bool
	}{{&other, true}, {&other, false}, {&key, true}, {&other, false}, {&changed, true}, {&changed, false}} {
		packets, err := p.Packetize(nil, c.frame, 1)
		if err != nil {
			t.Fatal(err)
		}
		if sent := bytes.Contains(packets.Bytes, key.Params.ParameterSets[0]); sent != c.sets {
			t.Errorf("frame %d has parameter sets: %v, want %v", i, sent, c.sets)
		}
	}
}
