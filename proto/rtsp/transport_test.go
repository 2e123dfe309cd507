package rtsp

import (
	"fmt"
	"strings"
	"testing"
)

// show writes offers down: udp 1-2, tcp 0-1, tcp ?, multicast.
func show(offers []offer) string {
	var all []string
	for _, o := range offers {
		how := ""
		if o.sealed {
			how = "sealed "
		}
		switch {
		case o.protocol == UDP:
			all = append(all, fmt.Sprintf(how+"udp %d-%d", o.rtpPort, o.rtcpPort))
		case o.protocol == TCP && o.proposed:
			all = append(all, fmt.Sprintf(how+"tcp %d-%d", o.channel, int(o.channel)+1))
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
		{"RTP/SAVPF;unicast;client_port=1-2, RTP/AVP;unicast;client_port=3-4,RTP/AVP/TCP", "udp 3-4, tcp ?"},
		{"RTP/SAVP;unicast;client_port=1-2,rtp/savp/udp;unicast;client_port=1-2, RTP/SAVP/TCP;interleaved=0-1", "sealed udp 1-2, sealed udp 1-2, sealed tcp 0-1"},
		{"RTP/SAVP;multicast,RTP/SAVP", ""},
		{"MP2T/H2221/UDP;unicast;client_port=1-2,RAW/RAW/UDP", ""},
		{",,RTP/AVP/TCP,", "tcp ?"},
		{strings.Repeat("RTP/AVP/TCP,", 200), strings.Repeat("tcp ?, ", maxOffers-1) + "tcp ?"},
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
