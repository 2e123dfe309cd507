package whep

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// This file has offers as clients make them that are no browsers of testdata, and as the standards have them.

const (
	transportLines = "a=ice-ufrag:theirs\na=ice-pwd:rDkN1kqzlKmWcqjFdS8bqQxN\na=setup:actpass\na=fingerprint:sha-256 "
	zeros          = "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\n"
	security       = transportLines + zeros
	head           = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n"
	sound          = "m=audio 9 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 0.0.0.0\na=mid:audio0\na=recvonly\na=rtcp-mux\na=rtpmap:96 OPUS/48000/2\n"
)

// h264 is lines of a payload type of H.264, with what its fmtp says.
func h264(number int, parameters string) string {
	lines := fmt.Sprintf("a=rtpmap:%d H264/90000\na=rtcp-fb:%[1]d nack\n", number)
	if parameters != "" {
		lines += fmt.Sprintf("a=fmtp:%d %s\n", number, parameters)
	}
	return lines
}

// video is a section of video with the payload types of codecs.
func video(first, mid string, codecs ...string) string {
	return "m=video " + first + "\nc=IN IP4 0.0.0.0\na=mid:" + mid + "\na=recvonly\na=rtcp-mux\n" + strings.Join(codecs, "")
}

// TestClients has clients offer what they do. The video is accepted; what of the answer they depend on is there.
func TestClients(t *testing.T) {
	const mode1 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id="
	for _, c := range []struct {
		name, offer string
		payloadType uint8    // of constrained baseline
		has         []string // lines of the answer
		idle        bool     // another section stays
	}{
		{"GStreamer's whepsrc", head + "a=ice-options:trickle\na=group:BUNDLE audio0 video1\n" + sound + security +
			video("0 UDP/TLS/RTP/SAVPF 101 103", "video1", "a=bundle-only\na=rtpmap:101 VP8/90000\n", h264(103, "")) + security, 103,
			[]string{"a=group:BUNDLE audio0 video1", "m=audio 5004 UDP/TLS/RTP/SAVPF 96", "a=inactive", "a=rtpmap:96 OPUS/48000/2", "m=video 5004 UDP/TLS/RTP/SAVPF 103",
				"a=fmtp:103 level-asymmetry-allowed=1;profile-level-id=42000a"}, true},
		{"a data channel first, max-bundle", head + "a=group:BUNDLE 0 1\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=mid:0\na=sctp-port:5000\n" + security +
			video("0 UDP/TLS/RTP/SAVPF 96", "1", "a=bundle-only\n", h264(96, mode1+"42e01f")), 96,
			[]string{"a=group:BUNDLE 0 1", "m=application 5004 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000", "m=video 5004 UDP/TLS/RTP/SAVPF 96"}, true},
		{"the audio first, each with its addresses", head + "a=group:BUNDLE audio0 1\n" + sound + security + video("9 UDP/TLS/RTP/SAVPF 96", "1", h264(96, mode1+"42e01f")) + security, 96,
			[]string{"a=group:BUNDLE audio0 1", "m=audio 5004 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 OPUS/48000/2", "a=ice-ufrag:ours"}, true},
		{"audio outside of the bundle", head + "a=group:BUNDLE 1\n" + sound + security + video("9 UDP/TLS/RTP/SAVPF 96", "1", h264(96, mode1+"42e01f")) + security, 96,
			[]string{"a=group:BUNDLE 1", "m=audio 0 UDP/TLS/RTP/SAVPF 96"}, false},
		{"audio that was rejected", head + "a=group:BUNDLE audio0 1\n" + strings.Replace(sound, "audio 9", "audio 0", 1) + video("9 UDP/TLS/RTP/SAVPF 96", "1", h264(96, mode1+"42e01f")) + security, 96,
			[]string{"a=group:BUNDLE 1", "m=audio 0 UDP/TLS/RTP/SAVPF 96"}, false},
		{"a data channel behind the video", head + "a=group:BUNDLE 0 1\n" + video("9 UDP/TLS/RTP/SAVPF 96", "0", h264(96, mode1+"42e01f")) + security +
			"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=mid:1\na=sctp-port:5000\n" + security, 96,
			[]string{"a=group:BUNDLE 0", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"}, false},
		{"libdatachannel", head + "a=group:BUNDLE video\na=group:LS video\na=msid-semantic:WMS *\n" + security + "a=ice-options:ice2,trickle\n" +
			video("54321 UDP/TLS/RTP/SAVPF 96", "video", h264(96, "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1")), 96, []string{"a=group:BUNDLE video"}, false},
		{"pion", head + "a=extmap-allow-mixed\na=fingerprint:sha-256 " + zeros + "a=group:BUNDLE 0\n" +
			video("9 UDP/TLS/RTP/SAVPF 96 97 102 125 112", "0", "a=rtcp-rsize\na=rtpmap:96 VP8/90000\n", h264(102, mode1+"42001f"), h264(125, mode1+"42e01f"), h264(112, mode1+"64001f")) + transportLines[:strings.Index(transportLines, "a=fingerprint")], 125,
			[]string{"a=rtcp-rsize", "a=ice-options:trickle ice2"}, false},
		{"Safari", head + "a=extmap-allow-mixed\na=group:BUNDLE 0\n" +
			video("9 UDP/TLS/RTP/SAVPF 96 98 100", "0", h264(96, mode1+"640c1f"), h264(98, mode1+"42e01f"), "a=rtcp-rsize\na=extmap:5/recvonly "+playoutDelayURI+"\n") + security, 98,
			[]string{"a=extmap:5/sendonly " + playoutDelayURI}, false},
		{"the other name of the profile", head + video("9 UDP/TLS/RTP/SAVPF 96 97", "0", h264(96, mode1+"42001f"), h264(97, mode1+"4d801f")) + security, 97, nil, false},
		{"several levels", head + video("9 UDP/TLS/RTP/SAVPF 96 97", "0", h264(96, mode1+"42e00c"), h264(97, mode1+"42e034")) + security, 97, nil, false},
		{"a number that RTCP has", head + video("9 UDP/TLS/RTP/SAVPF 72 97", "0", h264(72, mode1+"42e01f"), h264(97, mode1+"42001f")) + security, 97, nil, false},
		{"AVP, as RFC 9429 has it taken", head + video("9 RTP/AVP 96", "0", h264(96, mode1+"42e01f")) + security, 96, []string{"m=video 5004 RTP/AVP 96"}, false},
		{"SAVPF without TLS", head + video("9 RTP/SAVPF 96", "0", h264(96, mode1+"42e01f")) + security, 96, []string{"m=video 5004 RTP/SAVPF 96"}, false},
		{"TCP", head + video("9 TCP/DTLS/RTP/SAVPF 96", "0", h264(96, mode1+"42e01f")) + security, 96, []string{"m=video 5004 TCP/DTLS/RTP/SAVPF 96"}, false},
		{"rtcp-mux-only, which answers must not have (RFC 8858)", head + video("9 UDP/TLS/RTP/SAVPF 96", "0", "a=rtcp-mux-only\n", h264(96, mode1+"42e01f")) + security, 96, nil, false},
		{"simulcast", head + video("9 UDP/TLS/RTP/SAVPF 96", "0", "a=rid:hi recv\na=rid:lo recv\na=simulcast:recv hi;lo\n", h264(96, mode1+"42e01f")) + security, 96, nil, false},
		{"an id for two-byte extensions, and one that is encrypted", head + video("9 UDP/TLS/RTP/SAVPF 96", "0", "a=extmap:15 "+playoutDelayURI+"\na=extmap:3 urn:ietf:params:rtp-hdrext:encrypt "+playoutDelayURI+"\n", h264(96, mode1+"42e01f")) + security, 96, nil, false},
		{"another group before the bundle", head + "a=group:LS audio0 1\na=group:BUNDLE audio0 1\n" + sound + security + video("0 UDP/TLS/RTP/SAVPF 96", "1", "a=bundle-only\n", h264(96, mode1+"42e01f")), 96,
			[]string{"a=group:BUNDLE audio0 1"}, true},
	} {
		o, err := ParseOffer([]byte(c.offer))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		a := given
		a.Codec = o.Choose([3]byte{0x42, 0xc0, 0x1e})
		answer := o.Answer(a)
		if a.Codec.PayloadType != c.payloadType {
			t.Errorf("%s: %+v", c.name, a.Codec)
		}
		for _, line := range append(c.has, "a=sendonly", "a=setup:passive") {
			if !bytes.Contains(answer, []byte(line+"\r\n")) {
				t.Errorf("%s: there is no %q in\n%s", c.name, line, answer)
			}
		}
		if n := bytes.Count(answer, []byte("a=candidate:1 ")); n != 1 && !c.idle || n != 2 && c.idle {
			t.Errorf("%s: the first candidate %d times in\n%s", c.name, n, answer)
		}
		for _, none := range []string{"rtcp-mux-only", "simulcast", "a=rid", "encrypt", "a=extmap:15"} {
			if bytes.Contains(answer, []byte(none)) {
				t.Errorf("%s: %q in\n%s", c.name, none, answer)
			}
		}
		if !strings.Contains(c.offer, "rtcp-rsize") && bytes.Contains(answer, []byte("rtcp-rsize")) {
			t.Errorf("%s: rtcp-rsize is not offered", c.name)
		}
	}
}

// TestClientsRefused has offers that there is no answer to: it is said what would be right.
func TestClientsRefused(t *testing.T) {
	for _, c := range []struct{ name, offer, says string }{
		{"mode 0 alone", head + video("9 UDP/TLS/RTP/SAVPF 96", "0", h264(96, "packetization-mode=0;profile-level-id=42e01f")) + security, "packetization-mode=1, which must be offered"},
		{"bundle-only without a bundle", head + video("0 UDP/TLS/RTP/SAVPF 96", "0", "a=bundle-only\n", h264(96, "packetization-mode=1")) + security, "first section of its bundle"},
		{"bundle-only, and first", head + "a=group:BUNDLE 0\n" + video("0 UDP/TLS/RTP/SAVPF 96", "0", "a=bundle-only\n", h264(96, "packetization-mode=1")) + security, "first section of its bundle"},
		{"RTP/AVP without a fingerprint", head + video("9 RTP/AVP 96", "0", h264(96, "packetization-mode=1")) + "a=ice-ufrag:theirs\na=ice-pwd:rDkN1kqzlKmWcqjFdS8bqQxN\n", "fingerprint"},
		{"MSRP", head + video("9 TCP/MSRP 96", "0", h264(96, "packetization-mode=1")) + security, "UDP/TLS/RTP/SAVPF"},
		{"audio alone", head + sound + security, "no video"},
	} {
		_, err := ParseOffer([]byte(c.offer))
		if refusal, ok := err.(*Refusal); !ok || !strings.Contains(refusal.Reason, c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
