package rtp_test

import (
	"bytes"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
	pion "github.com/pion/rtp"
)

// filled are the packets of a stream whose frames all end with one of filler, which bears the mark of the last one.
func filled(t *testing.T, name string) (sent []sentFrame) {
	t.Helper()
	sent = sendNAL(t, name, 200)
	number := uint16(0)
	for i := range sent {
		s := &sent[i]
		last := s.packets[len(s.packets)-1]
		filler := rtp.AppendFiller(bytes.Clone(last[:rtp.HeaderBytes]), formatOf(name), rtp.Payload(last))
		filler[0] &^= rtp.PaddingBit
		last[1] &^= 0x80
		for _, p := range append(s.packets, filler) {
			p[2], p[3] = byte(number>>8), byte(number)
			number++
		}
		s.packets = append(s.packets, filler)
	}
	return sent
}

// TestFiller has each frame end with a packet of filler: it is no part of the frame, none by itself, and where
// what was before it is lost, so is the frame.
func TestFiller(t *testing.T) {
	for _, name := range nalStreams {
		sent := filled(t, name)
		d := rtp.NewNALDepacketizer(formatOf(name), mostFrame)
		for i, s := range sent {
			last := len(s.packets) - 1
			if i > 0 && i%3 == 0 { // the one before was lost but for its filler
				if _, ok, err := d.Push(sent[i-1].packets[len(sent[i-1].packets)-1]); ok || err != nil {
					t.Errorf("%s: filler is a frame: %v, %v", name, ok, err)
				}
			}
			for n, p := range s.packets {
				if i%3 == 2 && n < last || i == 0 && n < last && !s.Key {
					continue
				}
				f, ok, err := d.Push(p)
				if want := n == last && i%3 != 2; err != nil || ok != want {
					t.Fatalf("%s: packet %d of %d of frame %d: a frame is %v, %v", name, n, last+1, i, ok, err)
				}
				if ok && (!bytes.Equal(f.Bytes, s.Bytes) || d.Gap() != (i > 0 && i%3 == 0)) {
					t.Errorf("%s: frame %d is another one, or follows a gap: %v", name, i, d.Gap())
				}
			}
		}
	}
}

// TestFillerInOtherReceivers has gortsplib's decoders take each frame with its filler as one, without an error,
// and filler that comes first.
func TestFillerInOtherReceivers(t *testing.T) {
	for _, name := range nalStreams {
		var h264 rtph264.Decoder
		var h265 rtph265.Decoder
		if err := h264.Init(); err != nil {
			t.Fatal(err)
		}
		if err := h265.Init(); err != nil {
			t.Fatal(err)
		}
		decode := func(packet []byte) (units [][]byte, err error) {
			var p pion.Packet
			if err := p.Unmarshal(packet); err != nil {
				return nil, err
			}
			if formatOf(name) == media.H264 {
				units, err = h264.Decode(&p)
				if err == rtph264.ErrMorePacketsNeeded {
					err = nil
				}
				return units, err
			}
			units, err = h265.Decode(&p)
			if err == rtph265.ErrMorePacketsNeeded {
				err = nil
			}
			return units, err
		}
		sent := filled(t, name)
		if _, err := decode(sent[0].packets[len(sent[0].packets)-1]); err != nil {
			t.Errorf("%s: filler at first: %v", name, err)
		}
		for i, s := range sent {
			var got []byte
			for _, p := range s.packets {
				units, err := decode(p)
				if err != nil {
					t.Fatalf("%s: frame %d: %v", name, i, err)
				}
				for _, u := range units[:max(len(units)-1, 0)] { // the last one is filler
					got = nal.Append(got, u)
				}
			}
			if !bytes.HasSuffix(got, s.Bytes) { // its parameter sets come first
				t.Errorf("%s: frame %d has %d bytes, want %d", name, i, len(got), len(s.Bytes))
			}
		}
	}
}
