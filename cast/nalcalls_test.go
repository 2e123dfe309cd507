package cast_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// TestCallsOfH264 counts what a frame of 7 packets costs 100 readers: one message each, 64 of them in a call. An
// IDR picture's parameter sets are a message more.
func TestCallsOfH264(t *testing.T) {
	const readers, packets = 100, 7
	frames := nalFrames(t, "baseline.h264")
	w := newNALWorld(t, frames[0].Params)
	for i := range readers {
		w.watches(fmt.Sprintf("10.0.2.%d", i+1))
	}
	w.publish(frames[:1])
	large := func(key bool, header ...byte) media.Frame {
		slice := append(header, bytes.Repeat([]byte{0xff}, packets*1380)...)
		return media.Frame{Params: frames[0].Params, Key: key, Bytes: nal.Append(nil, slice)}
	}
	other := large(false, 0x41, 0x9a)
	for _, c := range []struct {
		name            string
		frame           media.Frame
		calls, messages uint64
	}{{"a frame", other, 2, readers}, {"the next one", other, 2, readers}, {"a key frame", large(true, 0x65, 0x88), 4, 2 * readers}} {
		before, sent := w.b.RTPSockets(), w.s.Figures().Packets
		w.publish([]media.Frame{c.frame})
		after := w.b.RTPSockets()
		if calls, messages := after.Calls-before.Calls, after.Messages-before.Messages; calls != c.calls || messages != c.messages {
			t.Errorf("%s: %d messages in %d calls, want %d in %d", c.name, messages, calls, c.messages, c.calls)
		}
		if n := (w.s.Figures().Packets - sent) / readers; !c.frame.Key && n != packets {
			t.Errorf("%s has %d packets, want %d", c.name, n, packets)
		}
	}
}
