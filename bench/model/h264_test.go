package model

import (
	"bytes"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

func newH264Framer(t *testing.T, size H264Size) *H264Framer {
	t.Helper()
	f, err := NewH264Framer(size)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func nextH264(t *testing.T, f *H264Framer) *Frame {
	t.Helper()
	frame, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// TestFramesOfH264 have the sizes that they are to have, and come through a depacketizer as they are.
func TestFramesOfH264(t *testing.T) {
	for _, size := range []H264Size{H264Frames, WebRTCFrames, WebRTCLargeFrames} {
		t.Run(size.String(), func(t *testing.T) { checkFramesOfH264(t, size) })
	}
}

func checkFramesOfH264(t *testing.T, size H264Size) {
	f := newH264Framer(t, size)
	packetBytes := size.PacketBytes - size.SealBytes
	depacketizer := rtp.NewNALDepacketizer(media.H264, 1<<20)
	for n := range 2*H264GroupFrames + 1 {
		frame := nextH264(t, f)
		key, packets := n%H264GroupFrames == 0, size.FramePackets
		if key {
			packets = size.KeyPackets
		}
		if frame.Packets.Count != packets || frame.Coded.Key != key || frame.Packets.PacketSize != packetBytes {
			t.Fatalf("frame %d has %d packets of %d bytes, key=%v, want %d, key=%v", n, frame.Packets.Count, frame.Packets.PacketSize, frame.Coded.Key, packets, key)
		}
		came := false
		for i := range packets {
			got, whole, err := depacketizer.Push(frame.Packets.Packet(i))
			if err != nil {
				t.Fatal(err)
			}
			if !whole {
				continue
			}
			came = true
			number, made, err := CheckH264(got.Bytes)
			if err != nil || number != frame.Number || made != frame.Coded.Captured || got.Key != key {
				t.Errorf("frame %d came as %d, key=%v: %v", n, number, got.Key, err)
			}
			damaged := bytes.Clone(got.Bytes)
			damaged[len(damaged)-1] ^= 1
			if _, _, err := CheckH264(damaged); err == nil {
				t.Errorf("frame %d is said to be whole with a wrong byte", n)
			}
		}
		if !came {
			t.Errorf("frame %d did not come", n)
		}
	}
}
