package rtp_test

import (
	"bytes"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
	pion "github.com/pion/rtp"
)

// TestExtension has every packet carry an extension, and stay as small as without one.
func TestExtension(t *testing.T) {
	extension := []byte{0xbe, 0xde, 0, 1, 0x52, 1, 2, 3}
	const size, run = 300, 4
	p, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: media.H264, PayloadType: 96, SSRC: 0x01020304, PacketSize: size, RunPackets: run, Extension: extension})
	if err != nil {
		t.Fatal(err)
	}
	for _, lengths := range [][]int{{100}, {279}, {280}, {281}, {40, 60}, {3000}, {700, 650, 900}, {1092, 20}} {
		f := madeFrame(t, media.H264, true, lengths...)
		first := p.NextSequence()
		packets, err := p.Packetize(nil, &f, 777)
		if err != nil {
			t.Fatal(err)
		}
		checkNAL(t, &packets, first, size, run)
		for i := range packets.Count {
			var h pion.Packet
			if err := h.Unmarshal(packets.Packet(i)); err != nil {
				t.Fatal(err)
			}
			if !h.Extension || !bytes.Equal(h.GetExtension(5), extension[5:]) {
				t.Fatalf("%v: packet %d: %v", lengths, i, h.Header)
			}
		}
		frames := through(t, rtp.NewNALDepacketizer(media.H264, mostFrame), &packets)
		if len(frames) != 1 || !bytes.Equal(frames[0].Bytes, f.Bytes) {
			t.Errorf("%v: %d frames came, or another one", lengths, len(frames))
		}
	}
	for _, bad := range []int{3, 20} {
		if _, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: media.H264, PacketSize: size, RunPackets: run, Extension: make([]byte, bad)}); err == nil {
			t.Errorf("an extension of %d bytes was taken", bad)
		}
	}
}
