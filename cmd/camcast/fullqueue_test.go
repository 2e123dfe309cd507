//go:build adapt

package main

import (
	"net/netip"
	"testing"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

// TestFullQueueInANetwork sends more than an interface's queue holds, from a socket that is told of
// ICMP: what the queue drops is lost on the way, as without, and no send waits or fails for it.
func TestFullQueueInANetwork(t *testing.T) {
	if missing := rig.Missing(); missing != "" {
		t.Fatalf("network namespaces need %s", missing)
	}
	sender := rig.NewName() + "-tx"
	if err := rig.IP("netns add " + sender); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rig.IP("netns del " + sender); err != nil {
			t.Error(err)
		}
	})
	if err := rig.All(
		"-n "+sender+" link add cc0 type veth peer name cc1",
		"-n "+sender+" addr add "+senderHost+"/24 dev cc0", "-n "+sender+" link set cc0 up", "-n "+sender+" link set cc1 up",
		"-n "+sender+" neigh add "+liveHost+" lladdr 02:00:00:00:00:02 dev cc0",
		"netns exec "+sender+" tc qdisc add dev cc0 root tbf rate 1mbit burst 16k limit 60000",
	); err != nil {
		t.Fatal(err)
	}
	if err := rig.Within(sender, func() error {
		l, err := loop.New()
		if err != nil {
			return err
		}
		for _, o := range []udp.Options{{}, {NoSegmentation: true}, {NoBatches: true}} {
			o.Rejected = func(loop.Rejection) {}
			s, err := udp.Open(l, netip.AddrPortFrom(netip.MustParseAddr(senderHost), 0), o, nil)
			if err != nil {
				return err
			}
			fan := s.NewFan()
			for port := range uint16(100) {
				fan.Add(netip.AddrPortFrom(netip.MustParseAddr(liveHost), 6000+port), netip.Addr{})
			}
			position, outcome := fan.Send(udp.Run{Bytes: make([]byte, 9500), SegmentBytes: 1000}, udp.Position{}, fan.All(), func(i int, err error) { t.Errorf("peer %d: %v", i, err) })
			if c := s.Counters(); outcome != udp.Done || c.Blocked > 0 {
				t.Errorf("%+v: %v at %+v, blocked %d times", o, outcome, position, c.Blocked)
			}
			if err := s.Close(); err != nil {
				return err
			}
		}
		return l.Close()
	}); err != nil {
		t.Fatal(err)
	}
}
