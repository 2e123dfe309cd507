package main

import (
	"net/netip"
	"slices"
	"testing"
)

// TestParseAllow has networks be for RTSP, for RTP and for both.
func TestParseAllow(t *testing.T) {
	s, err := parseArguments([]string{"--allow", "192.168.1.0/24", "--allow=rtsp=10.0.0.1", "--allow", "rtp=2001:db8::/32", "--allow", "::1"})
	if err != nil {
		t.Fatal(err)
	}
	of := func(texts ...string) (all []netip.Prefix) {
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	allow := s.config.Allow
	if want := of("192.168.1.0/24", "10.0.0.1/32", "::1/128"); !slices.Equal(allow.RTSP, want) {
		t.Errorf("RTSP: %v, want %v", allow.RTSP, want)
	}
	if want := of("192.168.1.0/24", "2001:db8::/32", "::1/128"); !slices.Equal(allow.RTP, want) {
		t.Errorf("RTP: %v, want %v", allow.RTP, want)
	}
}
