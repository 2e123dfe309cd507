package rtsp

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// show writes offers down: udp 1-2, tcp 0-1, tcp ?, multicast.
func show(offers []offer) string {
	var all []string
	for _, o := range offers {
		switch {
		case o.protocol == UDP:
			all = append(all, fmt.Sprintf("udp %d-%d", o.rtpPort, o.rtcpPort))
		case o.protocol == TCP && o.proposed:
			all = append(all, fmt.Sprintf("tcp %d-%d", o.channel, int(o.channel)+1))
		case o.protocol == TCP:
			all = append(all, "tcp ?")
		default:
			all = append(all, o.protocol.String())
		}
	}
	return strings.Join(all, ", ")
}

func TestParseTransports(t *testing.T) {
	tests := []struct{ in, want string }{
		// What the players send.
		{"RTP/AVP/UDP;unicast;client_port=25292-25293", "udp 25292-25293"},
		{"RTP/AVP/TCP;unicast;interleaved=0-1", "tcp 0-1"},
		{"RTP/AVP/UDP;multicast", "multicast"},
		{`RTP/AVP;multicast;mode="PLAY"`, "multicast"},
		{"RTP/AVP;unicast;client_port=5000-5001", "udp 5000-5001"},
		// Lists; what is unknown does not spoil the rest.
		{"RTP/SAVP;unicast;client_port=1-2, RTP/AVP;unicast;client_port=3-4,RTP/AVP/TCP", "udp 3-4, tcp ?"},
		{"MP2T/H2221/UDP;unicast;client_port=1-2,RAW/RAW/UDP", ""},
		{",,RTP/AVP/TCP,", "tcp ?"},
		{"", ""},
		// Any case, spaces, quotes, unknown parameters.
		{" rtp/avp/tcp ; UNICAST ; Interleaved = 2 - 3 ", "tcp 2-3"},
		{`RTP/AVP;unicast;client_port="7-8";ssrc=AB,RTP/AVP/TCP;mode="play,PLAY"`, "udp 7-8, tcp ?"},
		{"RTP/AVP;unicast;client_port=1-2;destination=203.0.113.1;source=x;ttl=1;layers=2;append;x", "udp 1-2"},
		// Modes.
		{"RTP/AVP;unicast;client_port=1-2;mode=play", "udp 1-2"},
		{"RTP/AVP;unicast;client_port=1-2;mode=RECORD", ""},
		{`RTP/AVP;unicast;client_port=1-2;mode="PLAY,RECORD",RTP/AVP/TCP`, "tcp ?"},
		// Ports.
		{"RTP/AVP;unicast;client_port=5000", "udp 5000-5001"},
		{"RTP/AVP;unicast;client_port=65534", "udp 65534-65535"},
		{"RTP/AVP;unicast;client_port=65535", ""},
		{"RTP/AVP;unicast;client_port=0-1", ""},
		{"RTP/AVP;unicast;client_port=1-0", ""},
		{"RTP/AVP;unicast;client_port=65535-65536", ""},
		{"RTP/AVP;unicast;client_port=65536-1", ""},
		{"RTP/AVP;unicast;client_port=-1-2", ""},
		{"RTP/AVP;unicast;client_port=4294967297-4294967298", ""},
		{"RTP/AVP;unicast;client_port=99999999999999999999", ""},
		{"RTP/AVP;unicast;client_port=a-b", ""},
		{"RTP/AVP;unicast;client_port=", ""},
		{"RTP/AVP;unicast;client_port", ""},
		{"RTP/AVP;unicast", ""},
		{"RTP/AVP;client_port=1-2", "udp 1-2"},
		{"RTP/AVP", "multicast"},
		// Channels.
		{"RTP/AVP/TCP;interleaved=254-255", "tcp 254-255"},
		{"RTP/AVP/TCP;interleaved=254", "tcp 254-255"},
		{"RTP/AVP/TCP;interleaved=255", ""},
		{"RTP/AVP/TCP;interleaved=255-256", ""},
		{"RTP/AVP/TCP;interleaved=256-257", ""},
		{"RTP/AVP/TCP;interleaved=3-9", "tcp ?"},
		{"RTP/AVP/TCP;interleaved=1-0", "tcp ?"},
		{"RTP/AVP/TCP;interleaved=x", ""},
		// Contradictions.
		{"RTP/AVP/TCP;multicast", ""},
		{"RTP/AVP;unicast;multicast;client_port=1-2", ""},
	}
	for _, test := range tests {
		if got := show(parseTransports([]string{test.in})); got != test.want {
			t.Errorf("%q: %s, want %s", test.in, got, test.want)
		}
	}
	if got := show(parseTransports([]string{"RTP/AVP/TCP", "RTP/AVP;multicast"})); got != "tcp ?, multicast" {
		t.Errorf("two headers: %s", got)
	}
}

func FuzzParseTransports(f *testing.F) {
	f.Add("RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=0-1;mode=\"PLAY\"")
	f.Add("rtp/avp/udp;multicast;;=;\",\"")
	f.Fuzz(func(t *testing.T, in string) {
		for _, o := range parseTransports([]string{in}) {
			udp := o.protocol == UDP && o.rtpPort > 0 && o.rtcpPort > 0 && !o.proposed
			tcp := o.protocol == TCP && (!o.proposed && o.channel == 0 || o.proposed && o.channel < 255)
			multicast := o.protocol == Multicast && o.rtpPort == 0 && o.rtcpPort == 0
			if !udp && !tcp && !multicast {
				t.Fatalf("%q: %+v", in, o)
			}
		}
	})
}

func TestParseTarget(t *testing.T) {
	tests := []struct {
		in   string
		want target
	}{
		{"*", target{star: true}},
		{"rtsp://h", target{url: "rtsp://h", base: "rtsp://h"}},
		{"rtsp://h/", target{url: "rtsp://h", base: "rtsp://h"}},
		{"RTSP://H:8554/cam", target{url: "rtsp://H:8554/cam", base: "rtsp://H:8554/cam", path: "cam"}},
		{"rtsps://h/cam//", target{url: "rtsps://h/cam", base: "rtsps://h/cam", path: "cam"}},
		{"rtsp://[2001:db8::1]:554/cam/trackID=0", target{url: "rtsp://[2001:db8::1]:554/cam/trackID=0", base: "rtsp://[2001:db8::1]:554/cam", path: "cam", track: true}},
		{"rtsp://h/trackID=0", target{url: "rtsp://h/trackID=0", base: "rtsp://h", track: true}},
		{"rtsp://h/cam/trackID=00", target{url: "rtsp://h/cam/trackID=00", base: "rtsp://h/cam/trackID=00", path: "cam/trackID=00"}},
		{"rtsp://h/cam?x=1", target{url: "rtsp://h/cam?x=1", base: "rtsp://h/cam?x=1", path: "cam"}},
		{"rtsp://h/cam?x=1/", target{url: "rtsp://h/cam?x=1", base: "rtsp://h/cam?x=1", path: "cam"}},
		{"rtsp://h/cam?x=1/trackID=0", target{url: "rtsp://h/cam?x=1/trackID=0", base: "rtsp://h/cam?x=1", path: "cam", track: true}},
		{"rtsp://h/cam/trackID=0?x=1", target{url: "rtsp://h/cam/trackID=0?x=1", base: "rtsp://h/cam/trackID=0?x=1", path: "cam", track: true}},
		{"rtsp://me:pw@h/a%20b%2Fc/d#part", target{url: "rtsp://h/a%20b%2Fc/d", base: "rtsp://h/a%20b%2Fc/d", path: "a b/c/d"}},
	}
	for _, test := range tests {
		if got, ok := parseTarget(test.in); !ok || got != test.want {
			t.Errorf("%s: %+v, %v, want %+v", test.in, got, ok, test.want)
		}
	}
	for _, in := range []string{"", "cam", "/cam", "rtsp:cam", "rtsp:///cam", "http://h/cam", "rtsp://h/%", "rtsp://h/a\r\nb", "rtsp://h:x/cam", "**"} {
		if got, ok := parseTarget(in); ok {
			t.Errorf("%q: %+v, want none", in, got)
		}
	}
}

func TestPlayableRange(t *testing.T) {
	for in, want := range map[string]bool{
		"": true, "npt=0.000-": true, "npt=0-": true, "npt=now-": true, "NPT=now-": true, " npt=1:02:03.5-1:02:04": true, "npt=-20": true,
		"npt=0-;time=19970123T143720Z": true, "smpte=0:10:20-": true, "clock=19961108T142300Z-": true, "npt=5-5": true, "unheard": true,
		"npt=10-5": false, "npt=1:00:00-5": false, "npt": false, "npt=": false, "npt=-": false, "npt=5": false, "npt=x-": false, "npt=1:2-": false,
		"npt=1e9-": false, "npt=1.x-": false, "npt=NaN-": false,
	} {
		if got := playableRange(in); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
	if seconds, ok := parseNPT("1:02:03.5"); !ok || math.Abs(seconds-3723.5) > 1e-9 {
		t.Errorf("1:02:03.5 is %v, %v", seconds, ok)
	}
}
