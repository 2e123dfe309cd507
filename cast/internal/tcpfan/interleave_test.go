package tcpfan

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/proto/rtp"
)

// TestOtherTimestamps lays packets out for one who is caught up, and for the others: only the
// timestamps differ, and the shared packets stay as they are.
func TestOtherTimestamps(t *testing.T) {
	packets := bytes.Repeat([]byte("0123456789abcdefghij"), 3)
	shared := bytes.Clone(packets)
	wire := &ring.Wire{Packets: rtp.Packets{
		Layout: rtp.Layout{PacketSize: 21, RunPackets: 1}, Bytes: shared, Count: 3, Timestamp: binary.BigEndian.Uint32(packets[4:]),
	}}
	var in interleaver
	for _, timestamp := range []uint32{7, wire.Timestamp, 8} {
		var got []byte
		for _, v := range in.lay(1, wire, 2, timestamp) {
			got = append(got, v.Bytes()...)
		}
		var want []byte
		for i := range wire.Count {
			p := bytes.Clone(packets[20*i : 20*i+20])
			binary.BigEndian.PutUint32(p[4:], timestamp)
			want = append(append(want, '$', 2, 0, 20), p...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("timestamp %d:\n%q, want\n%q", timestamp, got, want)
		}
	}
	if !bytes.Equal(shared, packets) {
		t.Error("the packets of all were changed")
	}
}
