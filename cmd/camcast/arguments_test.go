package main

import (
	"net/netip"
	"testing"
)

// TestRTPFollowsRTSP has RTP be sent from the address that RTSP is answered on, unless another is
// given.
func TestRTPFollowsRTSP(t *testing.T) {
	for _, c := range []struct {
		args []string
		rtp  string
	}{
		{nil, "[::]:5004"},
		{[]string{"--rtsp", "127.0.0.1:8554"}, "127.0.0.1:5004"},
		{[]string{"--rtsp", "[::1]:0"}, "[::1]:5004"},
		{[]string{"--rtsp", "off"}, "[::]:5004"},
		{[]string{"--rtsp", "127.0.0.1:8554", "--rtp", ":6000"}, "[::]:6000"},
		{[]string{"--rtp", "192.0.2.1:0"}, "192.0.2.1:0"},
	} {
		s, err := parseArguments(c.args)
		if err != nil {
			t.Fatal(err)
		}
		if s.config.RTP != netip.MustParseAddrPort(c.rtp) {
			t.Errorf("%q: RTP is sent from %v, want %s", c.args, s.config.RTP, c.rtp)
		}
	}
}
