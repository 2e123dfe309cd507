package udp

import (
	"net/netip"
	"testing"

	"github.com/camcast/camcast/loop"
)

func TestSystemCounters(t *testing.T) {
	var c SystemCounters
	c.addSNMP([]byte("Ip: Forwarding DefaultTTL\nIp: 1 64\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 9 8 7 6 5 4\nUdpLite: SndbufErrors\nUdpLite: 99\n"))
	c.addSNMP6([]byte("Udp6SndbufErrors                \t10\nUdp6RcvbufErrors\t20\nUdpLite6SndbufErrors\t99\nIp6InReceives 3\n"))
	if want := (SystemCounters{14, 25}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	for _, junk := range []string{"", "Udp:", "Udp: a\n", "Udp: SndbufErrors\nUdp: x\n", "Udp: SndbufErrors\nUdp:\n"} {
		before := c
		c.addSNMP([]byte(junk))
		c.addSNMP6([]byte(junk))
		if c != before {
			t.Errorf("%q counts as something", junk)
		}
	}
	if got := c.Since(SystemCounters{4, 5}); got != (SystemCounters{10, 20}) {
		t.Errorf("since: %+v", got)
	}
}

// TestReadSystemCounters has datagrams of each family be dropped at a full buffer, which the kernel counts.
func TestReadSystemCounters(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, host := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
		before, err := ReadSystemCounters()
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(l, netip.AddrPortFrom(host, 0), Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: 1}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		const sent = 100
		for range sent {
			if err := s.SendTo(make([]byte, 1000), s.Local(), netip.Addr{}); err != nil {
				t.Fatal(err)
			}
		}
		now, err := ReadSystemCounters()
		if err != nil {
			t.Fatal(err)
		}
		// The buffer is a few kB at least, whatever is asked for.
		if dropped := now.Since(before).ReceiveBufferErrors; dropped < sent/2 {
			t.Errorf("of %d datagrams to %v, %d are counted as dropped at the full buffer", sent, host, dropped)
		}
	}
}
