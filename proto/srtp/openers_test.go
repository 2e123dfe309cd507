package srtp

import (
	"encoding/binary"
	"testing"

	"github.com/camcast/camcast/proto/rtcp"
)

// keyOf is a key of its own for each number.
func keyOf(number int) (k Key) {
	binary.BigEndian.PutUint32(k[:], uint32(number))
	return k
}

// TestOneWindowForAKey has a reader take its key along to other sessions, one after the other and at once, also
// under another name: what it sent before does not count again.
func TestOneWindowForAKey(t *testing.T) {
	var all Openers
	s := newSealer(keyOf(1), 5)
	seal := func() []byte {
		sealed, err := s.SealRTCP(nil, rtcp.AppendSenderReport(nil, rtcp.SenderReport{SSRC: 5}, "x"))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	counts := func(o *Opener, packet []byte) bool {
		_, err := o.OpenRTCP(nil, packet)
		return err == nil
	}
	// named puts a key's name into a packet, which its tag is not over.
	named := func(packet []byte, name string) []byte {
		end := len(packet) - TagBytes
		return append(append(append([]byte{}, packet[:end]...), name...), packet[end:]...)
	}
	first := all.Open(Peer{Key: keyOf(1)})
	recorded := seal()
	if !counts(first, recorded) {
		t.Fatal("the first packet does not count")
	}
	second := all.Open(Peer{Key: keyOf(1)})
	all.Close(first)
	all.Close(second)
	third := all.Open(Peer{Key: keyOf(1), MKI: []byte("name")})
	if counts(second, recorded) || counts(third, named(recorded, "name")) {
		t.Error("a packet counts again in another session")
	}
	if !counts(third, named(seal(), "name")) {
		t.Error("the next packet does not count")
	}
	if other := all.Open(Peer{Key: keyOf(2)}); counts(other, recorded) {
		t.Error("a packet counts under another key")
	}
}

// TestOpenersAreBounded has very many keys come and go: those that are in use stay, and of the others the last ones.
func TestOpenersAreBounded(t *testing.T) {
	var all Openers
	used, returned := all.Open(Peer{Key: keyOf(1)}), all.Open(Peer{Key: keyOf(2)})
	all.Close(returned)
	for i := range 2 * maxLeft {
		if i == maxLeft/2 {
			all.Close(all.Open(Peer{Key: keyOf(2)}))
		}
		all.Close(all.Open(Peer{Key: keyOf(10 + i)}))
		if i == maxLeft && all.windows[keyOf(2)] != returned.window {
			t.Error("a key is forgotten that has come back")
		}
	}
	if all.windows[keyOf(1)] != used.window {
		t.Error("a key in use is forgotten")
	}
	if n := len(all.windows); n != maxLeft+1 || len(all.left) != maxLeft {
		t.Errorf("%d keys are remembered, want %d and the one in use", n, maxLeft)
	}
}
