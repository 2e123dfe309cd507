package fanout

import "testing"

// TestLedger enters every other frame of 10 packets, over a wrap of the count, and asks for
// every packet.
func TestLedger(t *testing.T) {
	const packets, frames = 10, 3 * ledgerFrames
	first := uint32(1<<32 - packets*frames) // the count wraps in the middle
	var l ledger
	if _, known := l.upTo(first); known {
		t.Error("an empty ledger knows something")
	}
	for i := range uint32(frames) {
		l.enter(first+2*packets*i, packets)
	}
	oldest := uint32(frames - ledgerFrames)
	if _, known := l.upTo(first + 2*packets*oldest - 1); known {
		t.Error("it knows what is too long ago")
	}
	for i := oldest; i < frames; i++ {
		for p := range uint32(2 * packets) {
			want := packets*i + min(p+1, packets)
			if sent, known := l.upTo(first + 2*packets*i + p); !known || sent != want {
				t.Fatalf("frame %d, packet %d: %d packets (known: %v), want %d", i, p, sent, known, want)
			}
		}
	}
}
