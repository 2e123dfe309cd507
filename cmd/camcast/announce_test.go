package main

import (
	"strings"
	"testing"
)

// TestDestinationsAreAnnounced has two streams, each with a destination: it is announced with its
// stream, and has its own SDP file.
func TestDestinationsAreAnnounced(t *testing.T) {
	file := t.TempDir() + "/x.sdp"
	d := startDaemon(t, "--send", "bench=udp://127.0.0.1:6002", "--send", "udp://127.0.0.1:6000", "--sdp", file,
		"desk=/dev/video77", "bench="+smallCard)
	desk, bench, _ := strings.Cut(d.stdout, "\nbench: ")
	second := strings.TrimSuffix(file, ".sdp") + "-2.sdp"
	if !containsAll(desk, []string{"\ndesk: ", "sent to udp://127.0.0.1:6000, described in " + second}) ||
		!containsAll(bench, []string{"sent to udp://127.0.0.1:6002, described in " + file + ":"}) {
		t.Errorf("announced:\n%s", d.stdout)
	}
}

// TestAnnounceElsewhere prints the addresses for other machines on a line of their own, so that
// the lines above can be copied as they are.
func TestAnnounceElsewhere(t *testing.T) {
	rtsp := reach{scheme: "rtsp", port: 8554, hosts: []string{"127.0.0.1", "192.0.2.1"}}
	join := reach{scheme: "camcast", port: 5004, hosts: []string{"127.0.0.1", "192.0.2.1"}}
	off := reach{scheme: "rtsp", hosts: rtsp.hosts}
	local := reach{scheme: "camcast", port: 5004, hosts: []string{"127.0.0.1"}}
	for want, protocols := range map[string][]reach{
		"  from other machines:  rtsp://192.0.2.1:8554/cam  camcast://192.0.2.1:5004/cam\n": {rtsp, join},
		"  from other machines:  camcast://192.0.2.1:5004/cam\n":                            {off, join},
		"": {off, local},
	} {
		var text strings.Builder
		announceElsewhere(&text, "cam", protocols...)
		if text.String() != want {
			t.Errorf("%q, want %q", text.String(), want)
		}
	}
}
