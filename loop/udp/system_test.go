package udp

import "testing"

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
	if _, err := ReadSystemCounters(); err != nil {
		t.Error(err)
	}
}
