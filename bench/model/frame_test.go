package model

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func newFramer(t *testing.T) *Framer {
	t.Helper()
	f, err := NewFramer(FrameBytes)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func next(t *testing.T, f *Framer) *Frame {
	t.Helper()
	frame, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// TestFramesStayAsTheyAre: while KeptFrames more are made, and until the next after those.
func TestFramesStayAsTheyAre(t *testing.T) {
	f := newFramer(t)
	var frames []*Frame
	var pictures, packets [][]byte
	for range KeptFrames + 1 {
		frame := next(t, f)
		frames = append(frames, frame)
		pictures, packets = append(pictures, bytes.Clone(frame.Picture)), append(packets, bytes.Clone(frame.Packets.Bytes))
	}
	for i, frame := range frames {
		number, _, err := Check(frame.Picture)
		if err != nil || number != uint64(i+1) || frame.Number != number {
			t.Errorf("frame %d has become number %d: %v", i+1, number, err)
		}
		if !bytes.Equal(frame.Picture, pictures[i]) || !bytes.Equal(frame.Packets.Bytes, packets[i]) {
			t.Errorf("frame %d was changed after it was made", i+1)
		}
		if length := binary.BigEndian.Uint32(frame.framed); int(length) != len(frame.Picture) || !bytes.Equal(frame.framed[lengthBytes:], frame.Picture) {
			t.Errorf("frame %d goes over TCP as %d bytes of %d", i+1, length, len(frame.Picture))
		}
	}
}

// TestFramesThrowNothingAway: or the collector would run while the age of frames is measured.
func TestFramesThrowNothingAway(t *testing.T) {
	f := newFramer(t)
	throwsNothingAway(t, func() { next(t, f) })
	units := newH264Framer(t, H264Frames)
	throwsNothingAway(t, func() { nextH264(t, units) })
}

func throwsNothingAway(t *testing.T, next func()) {
	t.Helper()
	if allocations := testing.AllocsPerRun(3*KeptFrames, next); allocations != 0 {
		t.Errorf("a frame takes %v allocations", allocations)
	}
}
