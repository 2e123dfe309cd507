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
