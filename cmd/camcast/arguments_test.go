package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestLowPortsAreAskedFor has frames go to ports below 1024 if the flag says so, and else not.
func TestLowPortsAreAskedFor(t *testing.T) {
	for want, args := range map[bool][]string{false: nil, true: {"--low-ports"}} {
		if s, err := parseArguments(args); err != nil || s.config.LowPorts != want {
			t.Errorf("%q: %v, %v", args, s.config.LowPorts, err)
		}
	}
}

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

// TestPublicAddresses has addresses with a port and without, of both families.
func TestPublicAddresses(t *testing.T) {
	s, err := parseArguments([]string{"--public-address", "203.0.113.7", "--public-address", "[2001:db8::7]:6000", "--public-address", "2001:db8::8", "--public-address", "::ffff:192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"203.0.113.7", "[2001:db8::7]:6000", "2001:db8::8", "192.0.2.1"}
	if got := s.inForce(s.config)["public_address"]; !s.webRTC.isOn || !reflect.DeepEqual(got, want) {
		t.Errorf("WebRTC on: %v, public addresses %v; want %v", s.webRTC.isOn, got, want)
	}
	for _, args := range [][]string{{"--webrtc", "off"}, {"--http", "off"}} {
		if s, err := parseArguments(args); err != nil || s.webRTC.isOn {
			t.Errorf("%q: WebRTC on: %v, %v", args, s.webRTC.isOn, err)
		}
	}
}

// TestOptionsBehindTheLastQuestionMark has files with a '?' in their names.
func TestOptionsBehindTheLastQuestionMark(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"what?.mjpeg", "plain.mjpeg", "both.mjpeg", "both.mjpeg?loop=1", "why?"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for argument, want := range map[string]sourceSpec{
		"what?.mjpeg":               {path: "what?.mjpeg"},
		"what?.mjpeg?":              {path: "what?.mjpeg"},
		"what?.mjpeg?fps=5&loop=1":  {path: "what?.mjpeg", fps: 5, loop: true},
		"plain.mjpeg":               {path: "plain.mjpeg"},
		"plain.mjpeg?fps=5":         {path: "plain.mjpeg", fps: 5},
		"both.mjpeg?loop=1":         {path: "both.mjpeg?loop=1"},
		"both.mjpeg?loop=1&fps=5":   {path: "both.mjpeg", fps: 5, loop: true},
		"both.mjpeg?loop=1?fps=5":   {path: "both.mjpeg?loop=1", fps: 5},
		"why?":                      {path: "why?"},
		"why??fps=5":                {path: "why?", fps: 5},
		"is it there?.mjpeg?loop=1": {path: "is it there?.mjpeg", loop: true},
	} {
		got, err := parseSource("cam=" + filepath.Join(folder, argument))
		want.name, want.kind, want.path = "cam", fileSource, filepath.Join(folder, want.path)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", argument, got, err, want)
		}
	}
	_, err := parseSource("is it there?.mjpeg")
	if err == nil || !containsAll(err.Error(), []string{"fps, loop", `"is it there?.mjpeg?"`}) {
		t.Errorf("error %v, want what would be right", err)
	}
}

// TestWebRTCOnLoopback has a page for other machines beside RTP that they do not reach: it is told.
func TestWebRTCOnLoopback(t *testing.T) {
	for _, c := range []struct {
		args []string
		want bool
	}{
		{nil, false},
		{[]string{"--http", ":8080"}, false},
		{[]string{"--rtsp", "127.0.0.1:8554"}, false},
		{[]string{"--rtsp", "127.0.0.1:8554", "--http", ":8080"}, true},
		{[]string{"--rtp", "[::1]:5004", "--http", "192.0.2.1:8080"}, true},
		{[]string{"--rtp", "127.0.0.1:5004", "--http", ":8080", "--webrtc", "off"}, false},
		{[]string{"--rtp", "127.0.0.1:5004", "--http", ":8080", "--public-address", "203.0.113.7"}, false},
		{[]string{"--rtp", "127.0.0.1:5004", "--http", "off"}, false},
	} {
		s, err := parseArguments(c.args)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.isWebRTCLocal(); got != c.want {
			t.Errorf("%q: %v, want %v", c.args, got, c.want)
		}
	}
}
