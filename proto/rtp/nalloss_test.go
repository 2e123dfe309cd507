package rtp_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
)

// sentFrame is a frame and its packets.
type sentFrame struct {
	media.Frame
	packets [][]byte
}

// sendNAL lays a stream's frames out, each with a timestamp of its own.
func sendNAL(t *testing.T, name string, packetSize int) (sent []sentFrame) {
	t.Helper()
	p := newNALPacketizer(t, formatOf(name), packetSize, 64)
	for i, f := range nalFrames(t, name) {
		packets, err := p.Packetize(nil, &f, uint32(1000*i))
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, sentFrame{f, cut(packets)})
	}
	return sent
}

// withoutSEI is a frame without SEI, whose packet may be lost unseen.
func withoutSEI(f *media.Frame) (left []byte) {
	for rest := f.Bytes; len(rest) > 0; {
		unit, behind, _ := nal.Next(rest)
		isSEI := unit[0]&0x1f == 6
		if f.Params.Format == media.H265 {
			isSEI = unit[0]>>1 == 39
		}
		if !isSEI {
			left = nal.Append(left, unit)
		}
		rest = behind
	}
	return left
}

// TestEachPacketLost loses each packet of each stream in turn: the frame that it was of is dropped,
// unless it had parameter sets or SEI alone, and the next frame says that there is a gap.
func TestEachPacketLost(t *testing.T) {
	for _, name := range nalStreams {
		sent := sendNAL(t, name, 200)
		for lost := range sent {
			for n := range sent[lost].packets {
				d := rtp.NewNALDepacketizer(formatOf(name), mostFrame)
				if err := d.SetParameters(sent[0].Params.ParameterSets); err != nil {
					t.Fatal(err)
				}
				var got []int
				for i, s := range sent {
					for k, packet := range s.packets {
						if i == lost && k == n {
							continue
						}
						f, ok, err := d.Push(packet)
						if err != nil {
							t.Fatal(name, lost, n, err)
						}
						if !ok {
							continue
						}
						at := int(d.Timestamp() / 1000)
						if !bytes.Equal(withoutSEI(&f), withoutSEI(&sent[at].Frame)) {
							t.Fatalf("%s: packet %d of frame %d is lost, and frame %d is another one", name, n, lost, at)
						}
						wantGap := len(got) > 0 && at != got[len(got)-1]+1 || len(got) == 0 && lost == 0 && at > 0 || at == lost
						if d.Gap() != wantGap && !(lost == 0 && n == 0) {
							t.Errorf("%s: packet %d of frame %d is lost; frame %d: gap is %v, want %v", name, n, lost, at, d.Gap(), wantGap)
						}
						got = append(got, at)
					}
				}
				dropped := uint64(0)
				isInHand := lost == len(sent)-1 && n == len(sent[lost].packets)-1
				if len(sent[lost].packets) > 1 && len(got) < len(sent) && !isInHand {
					dropped = 1 // else nothing of it has come
				}
				if d.Dropped != dropped {
					t.Errorf("%s: packet %d of frame %d is lost: %d are dropped, want %d", name, n, lost, d.Dropped, dropped)
				}
				// The last packet of the last frame leaves it in hand.
				if len(got) != len(sent)-1 && (len(got) != len(sent) || !slices.Contains(got, lost)) {
					t.Fatalf("%s: packet %d of frame %d is lost, and of %d frames %v are there", name, n, lost, len(sent), got)
				}
			}
		}
	}
}

// TestOldPacketsAgain gives each packet twice, and the one before it: they change nothing.
func TestOldPacketsAgain(t *testing.T) {
	sent := sendNAL(t, "bframes.h264", 200)
	d, frames := rtp.NewNALDepacketizer(media.H264, mostFrame), 0
	var before []byte
	for _, s := range sent {
		for _, packet := range s.packets {
			for _, p := range [][]byte{packet, packet, before} {
				if p == nil {
					continue
				}
				f, ok, err := d.Push(p)
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					frames++
					if !sameFrame(&f, &s.Frame) || d.Gap() {
						t.Errorf("frame %d is another one, or there is a gap", frames)
					}
				}
			}
			before = packet
		}
	}
	if frames != len(sent) || d.Dropped > 0 {
		t.Errorf("%d frames, want %d; %d dropped", frames, len(sent), d.Dropped)
	}
}

// TestNoMarkers has a sender that marks no frame's last packet.
func TestNoMarkers(t *testing.T) {
	for _, name := range nalStreams {
		sent := sendNAL(t, name, 400)
		d, frames := rtp.NewNALDepacketizer(formatOf(name), mostFrame), 0
		for _, s := range sent {
			for _, packet := range s.packets {
				packet = bytes.Clone(packet)
				packet[1] &= 0x7f
				f, ok, err := d.Push(packet)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					continue
				}
				if !sameFrame(&f, &sent[frames].Frame) || d.Timestamp() != uint32(1000*frames) {
					t.Errorf("%s: frame %d is another one", name, frames)
				}
				frames++
			}
		}
		if frames != len(sent)-1 || d.Dropped > 0 {
			t.Errorf("%s: %d frames, want all but the last of %d; %d dropped", name, frames, len(sent), d.Dropped)
		}
	}
}

// TestParametersOfTheSDP has a sender that does not send parameter sets.
func TestParametersOfTheSDP(t *testing.T) {
	for _, c := range []struct {
		format media.Format
		packet string
	}{{media.H264, "\x65\x88\x84"}, {media.H265, "\x28\x01\xe8"}} {
		d := rtp.NewNALDepacketizer(c.format, mostFrame)
		packet := []byte("\x80\xe0\x00\x01\x00\x00\x00\x01\x01\x02\x03\x04" + c.packet + "\x00\x11\x22\x33\x44")
		if _, ok, err := d.Push(packet); ok || !errors.Is(err, nal.ErrNoParameters) || d.Dropped != 1 {
			t.Errorf("%v: without parameter sets a frame is %v, %v, %d dropped", c.format, ok, err, d.Dropped)
		}
		params := madeFrame(t, c.format, true, 10).Params
		if err := d.SetParameters(params.ParameterSets); err != nil {
			t.Fatal(err)
		}
		packet[3]++
		f, ok, err := d.Push(packet)
		if !ok || err != nil || !f.Key || !f.Params.Equal(params) || !d.Gap() {
			t.Errorf("%v: with them a frame is %v, %v, %+v", c.format, ok, err, f)
		}
		if err := d.SetParameters([][]byte{{0x67, 1}, {0x42, 1}, nil}); !errors.Is(err, nal.ErrMalformed) {
			t.Errorf("%v: bad ones: %v", c.format, err)
		}
		d.Reset()
		packet[3] = 0 // before the last one
		if _, ok, err := d.Push(packet); !ok || err != nil || d.Gap() {
			t.Errorf("%v: after a reset a frame is %v, %v", c.format, ok, err)
		}
	}
}

// TestBadNALPackets are ignored, with an error that says why, and the frame is dropped.
func TestBadNALPackets(t *testing.T) {
	for _, c := range []struct {
		format  media.Format
		payload string
		want    error
	}{
		{media.H264, "\x00abc", rtp.ErrUnsupported},
		{media.H264, "\x19abc", rtp.ErrUnsupported}, // STAP-B
		{media.H264, "\x1dabc", rtp.ErrUnsupported}, // FU-B
		{media.H264, "\x1f", rtp.ErrUnsupported},
		{media.H264, "\x1c\x85", rtp.ErrMalformed},
		{media.H264, "\x18\x00", rtp.ErrMalformed},
		{media.H264, "\x18\x00\x00", rtp.ErrMalformed},
		{media.H264, "\x18\x00\x03ab", rtp.ErrMalformed},
		{media.H264, "\x18\x00\x02\x06aX", rtp.ErrMalformed},
		{media.H264, "\x67\x01", rtp.ErrMalformed}, // a parameter set
		{media.H265, "\x02", rtp.ErrMalformed},
		{media.H265, "\x64\x01a", rtp.ErrUnsupported}, // PACI
		{media.H265, "\x62\x01\x93", rtp.ErrMalformed},
		{media.H265, "\x60\x01\x00", rtp.ErrMalformed},
		{media.H265, "\x60\x01\x00\x01a", rtp.ErrMalformed},
		{media.H265, "\x02\x00\xd0a", rtp.ErrMalformed}, // temporal identifier 0
	} {
		d := rtp.NewNALDepacketizer(c.format, mostFrame)
		if _, ok, err := d.Push([]byte("\x80\x60\x00\x01\x00\x00\x00\x01\x01\x02\x03\x04" + c.payload)); ok || !errors.Is(err, c.want) {
			t.Errorf("%v, %x: a frame is %v, %v", c.format, c.payload, ok, err)
		}
		frame := madeFrame(t, c.format, true, 50)
		packets, err := newNALPacketizer(t, c.format, 400, 4).Packetize(nil, &frame, 1)
		if err != nil {
			t.Fatal(err)
		}
		packet := packets.Packet(0)
		packet[2], packet[3] = 0, 2
		if _, ok, _ := d.Push(packet); ok || d.Dropped != 1 {
			t.Errorf("%v, %x: the frame that it was of is %v, %d dropped", c.format, c.payload, ok, d.Dropped)
		}
	}
	d := rtp.NewNALDepacketizer(media.H264, mostFrame)
	for _, packet := range []string{"", "\x80\x60\x00", "\x80\x60\x00\x01\x00\x00\x00\x01\x01\x02\x03"} {
		if _, ok, err := d.Push([]byte(packet)); ok || err == nil {
			t.Errorf("%x: a frame is %v, %v", packet, ok, err)
		}
	}
}

// TestFragmentsOverTheLimit are not kept.
func TestFragmentsOverTheLimit(t *testing.T) {
	d := rtp.NewNALDepacketizer(media.H264, 1000)
	failed := 0
	for i := range 100 {
		bits := byte(0x01)
		if i == 0 {
			bits |= 0x80
		}
		packet := append([]byte{0x80, 0x60, 0, byte(i), 0, 0, 0, 1, 1, 2, 3, 4, 0x7c, bits}, make([]byte, 100)...)
		if _, _, err := d.Push(packet); errors.Is(err, nal.ErrTooLarge) {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if failed != 1 {
		t.Errorf("%d errors for a unit of 10 kB, want one", failed)
	}
}

// TestPaddingAlone has a packet of padding alone come after each packet: they are no gap. Where one is lost, that
// is a gap of one packet.
func TestPaddingAlone(t *testing.T) {
	for _, name := range nalStreams {
		d := rtp.NewNALDepacketizer(formatOf(name), mostFrame)
		number := uint16(0)
		push := func(packet []byte, flags byte) (ok bool) {
			packet[0] |= flags
			packet[2], packet[3] = byte(number>>8), byte(number)
			number++
			_, ok, err := d.Push(packet)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		for i, s := range sendNAL(t, name, 200) {
			missing := 0
			if i > 0 && i%3 == 0 {
				number, missing = number+1, 1
			}
			got := 0
			for _, packet := range s.packets {
				for _, whole := range []bool{push(packet, 0), push(append(bytes.Clone(packet[:rtp.HeaderBytes]), 0, 0, 0, 4), 0x20)} {
					if whole {
						got++
					}
				}
			}
			if got != 1 || d.Missing() != missing || d.Gap() != (missing > 0) || d.Packets() < len(s.packets) {
				t.Errorf("%s: frame %d: %d frames, %d packets missing, want %d; in %d packets", name, i, got, d.Missing(), missing, d.Packets())
			}
		}
	}
}
