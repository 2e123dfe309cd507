package rtp_test

import (
	"bytes"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// TestSlicesAreOneRun has frames of several slices be one run, where that takes at most an eighth
// more bytes.
func TestSlicesAreOneRun(t *testing.T) {
	for _, c := range []struct {
		lengths []int
		runs    int
	}{
		{[]int{10000, 10000, 10000}, 1}, {[]int{3000, 2900, 3100}, 1}, {[]int{7000, 6000, 5000, 4000}, 1}, {[]int{1300, 1300, 1300}, 1},
		{[]int{500, 400, 300}, 1}, {[]int{900, 300, 200, 1000}, 2}, {[]int{1500, 2100}, 1},
		{[]int{100, 4000}, 2}, {[]int{4000, 100, 4000}, 2}, {[]int{1210, 3600}, 1},
	} {
		p := newNALPacketizer(t, media.H264, 1200, 64)
		f := madeFrame(t, media.H264, true, c.lengths...)
		if _, err := p.Packetize(nil, &f, 777); err != nil {
			t.Fatal(err)
		}
		f.Key = false // without the parameter sets
		packets, err := p.Packetize(nil, &f, 777)
		if err != nil {
			t.Fatal(err)
		}
		if packets.Runs() != c.runs {
			t.Errorf("slices of %v bytes are %d runs, want %d", c.lengths, packets.Runs(), c.runs)
		}
	}
}

// TestPaddingIsBounded has frames of slices of 1000 and 746 bytes, which take 255 bytes of padding for
// each pair but the last: a frame of a few is one run, one of many would take more than an eighth.
func TestPaddingIsBounded(t *testing.T) {
	for pairs, isOne := range map[int]bool{2: true, 5: true, 8: true, 10: false, 40: false} {
		var lengths []int
		for range pairs {
			lengths = append(lengths, 1000, 746)
		}
		f := madeFrame(t, media.H264, false, lengths...)
		p := newNALPacketizer(t, media.H264, 1200, 64)
		if _, err := p.Packetize(nil, &f, 777); err != nil { // with the parameter sets
			t.Fatal(err)
		}
		packets, err := p.Packetize(nil, &f, 777)
		if err != nil {
			t.Fatal(err)
		}
		natural := 2 * pairs * (12 + 28)
		for _, n := range lengths {
			natural += n
		}
		wire := len(packets.Bytes) + 28*packets.Count
		if (packets.Runs() == 1) != isOne || wire > natural*9/8 {
			t.Errorf("%d pairs are %d runs of %d packets, %d bytes, without padding %d", pairs, packets.Runs(), packets.Count, wire, natural)
		}
	}
}

// TestLonger has packets be sealed: the runs are the same, of packets that are longer.
func TestLonger(t *testing.T) {
	jpeg, err := newPacketizer(t, 300, 4).Packetize(nil, picture(3000, 0), 777)
	if err != nil {
		t.Fatal(err)
	}
	f := madeFrame(t, media.H264, true, 2000, 100, 2000)
	slices, err := newNALPacketizer(t, media.H264, 300, 4).Packetize(nil, &f, 777)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*rtp.Packets{"JPEG": &jpeg, "H.264": &slices} {
		var sealed []byte
		for i := range p.Count {
			sealed = append(append(sealed, p.Packet(i)...), "0123456789"...)
		}
		q := p.Longer(sealed, 10)
		if !bytes.Equal(q.Bytes, sealed) || q.Runs() != p.Runs() || q.Count != p.Count || q.FirstSequence != p.FirstSequence {
			t.Fatalf("%s: %d runs of %d packets, want %d of %d", name, q.Runs(), q.Count, p.Runs(), p.Count)
		}
		for i := range q.Count {
			if want := append(bytes.Clone(p.Packet(i)), "0123456789"...); !bytes.Equal(q.Packet(i), want) {
				t.Errorf("%s: packet %d is another one", name, i)
			}
		}
		one := p.LongerAndOne(append(bytes.Clone(sealed), "one more"...), 10, len("one more"))
		if one.Count != p.Count+1 || one.Runs() != p.Runs()+1 || string(one.Packet(p.Count)) != "one more" || string(one.Run(p.Runs())) != "one more" {
			t.Errorf("%s and one: %d packets, %d runs, the last is %q", name, one.Count, one.Runs(), one.Packet(one.Count-1))
		}
		for i := range q.Count {
			if !bytes.Equal(one.Packet(i), q.Packet(i)) {
				t.Errorf("%s and one: packet %d is another one", name, i)
			}
		}
		for i := range q.Runs() {
			if !bytes.Equal(one.Run(i), q.Run(i)) {
				t.Errorf("%s and one: run %d is another one", name, i)
			}
			if want := len(p.Run(i)) + 10*((len(p.Run(i))+p.PacketSize-1)/p.PacketSize); len(q.Run(i)) != want {
				t.Errorf("%s: run %d has %d bytes, want %d", name, i, len(q.Run(i)), want)
			}
		}
	}
}
