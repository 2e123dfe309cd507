package whep

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// offers are those of other implementations, by their names.
func offers(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.sdp")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	found := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(name), ".sdp")] = text
	}
	return found
}

var given = Answer{
	SessionID: 7, Ufrag: "ours", Password: "rDkN1kqzlKmWcqjFdS8bqQxN", Fingerprint: FingerprintOf([]byte("a certificate")),
	Candidates: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:5004"), netip.MustParseAddrPort("[fe80::1%eth0]:5004"), netip.MustParseAddrPort("[::ffff:203.0.113.9]:40000")},
	SSRC:       0x0ca3ca57, CNAME: "camcast@host",
}

// TestOffers reads what browsers and others say, and has another implementation read the answers.
func TestOffers(t *testing.T) {
	type want struct {
		types        string
		delay        uint8
		high, main   uint8 // what is chosen for a stream of that profile
		fingerprints int
	}
	wants := map[string]want{
		"chromium": {"102 108 116 41", 5, 108, 116, 1},
		"firefox":  {"126 105", 6, 126, 126, 1},
		"aiortc":   {"99 101", 0, 101, 101, 1},
	}
	for name, text := range offers(t) {
		o, err := ParseOffer(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var types []string
		for _, c := range o.Codecs {
			types = append(types, fmt.Sprint(c.PayloadType))
		}
		got := want{strings.Join(types, " "), o.PlayoutDelayID, o.Choose([3]byte{0x64, 0, 0x1f}).PayloadType, o.Choose([3]byte{0x4d, 0, 0x28}).PayloadType, len(o.Fingerprints)}
		if got != wants[name] {
			t.Errorf("%s: %+v, want %+v", name, got, wants[name])
		}
		if len(o.Ufrag) < 4 || len(o.bundle) != 2 {
			t.Errorf("%s: %+v", name, o)
		}
		checkAnswer(t, name, o)
	}
}

// checkAnswer reads an answer.
func checkAnswer(t *testing.T, name string, o *Offer) {
	t.Helper()
	a := given
	a.Codec = o.Choose([3]byte{0x42, 0xe0, 0x1f})
	text := o.Answer(a)
	var s sdp.SessionDescription
	if err := s.Unmarshal(text); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	if len(s.MediaDescriptions) != 2 || s.MediaDescriptions[0].MediaName.Media != "audio" || attribute(s.MediaDescriptions[0], "rtpmap") == "" || attribute(s.MediaDescriptions[0], "ice-ufrag") != "ours" {
		t.Errorf("%s: the audio does not stay:\n%s", name, text)
	}
	if _, ok := s.MediaDescriptions[0].Attribute("inactive"); !ok {
		t.Errorf("%s: the audio is not inactive:\n%s", name, text)
	}
	format := fmt.Sprint(a.Codec.PayloadType)
	for _, line := range []string{
		"a=ice-lite", "a=group:BUNDLE 0 1", "m=audio 5004 UDP/TLS/RTP/SAVPF ", "m=video 5004 UDP/TLS/RTP/SAVPF " + format, "c=IN IP4 192.0.2.1", "a=mid:1", "a=sendonly", "a=rtcp-mux",
		"a=ice-ufrag:ours", "a=ice-pwd:rDkN1kqzlKmWcqjFdS8bqQxN", "a=setup:passive", "a=rtpmap:" + format + " H264/90000", "a=rtcp-fb:" + format + " nack pli",
		"a=candidate:1 1 udp 2130706431 192.0.2.1 5004 typ host", "a=candidate:2 1 udp 2130706175 fe80::1 5004 typ host", "a=candidate:3 1 udp 2130705919 203.0.113.9 40000 typ host",
		"a=end-of-candidates", "a=" + "fingerprint:" + given.Fingerprint.String(), "a=ssrc:212060759 cname:camcast@host",
	} {
		if !strings.HasSuffix(line, " ") {
			line += "\r\n"
		}
		if !bytes.Contains(text, []byte(line)) {
			t.Errorf("%s: there is no %q in\n%s", name, line, text)
		}
	}
	if has := bytes.Contains(text, []byte(playoutDelayURI)); has != (o.PlayoutDelayID != 0) {
		t.Errorf("%s: playout-delay: %v", name, has)
	}
}

func attribute(m *sdp.MediaDescription, key string) string {
	value, _ := m.Attribute(key)
	return value
}

// TestFingerprints finds out certificates.
func TestFingerprints(t *testing.T) {
	der := []byte("a certificate")
	for hash, sum := range map[string]string{
		"sha-256": fmt.Sprintf("%X", sha256.Sum256(der)), "SHA-384": fmt.Sprintf("%x", sha512.Sum384(der)), "sha-512": fmt.Sprintf("%X", sha512.Sum512(der)),
	} {
		f, ok := parseFingerprint(hash + " " + sum)
		all := Fingerprints{{"sha-256", make([]byte, 32)}, f}
		if !ok || !all.Has(der) || all.Has([]byte("another")) || all.Has(nil) {
			t.Errorf("%s: %v, %v", hash, f, ok)
		}
	}
	for _, text := range []string{"", "sha-256", "sha-1 " + strings.Repeat("00", 20), "sha-256 " + strings.Repeat("00", 31), "md5 00", "none ", "sha-256 xx"} {
		if f, ok := parseFingerprint(text); ok {
			t.Errorf("%q is %v", text, f)
		}
	}
	if text := FingerprintOf(der).String(); len(text) != len("sha-256 ")+32*3-1 || !strings.HasPrefix(text, "sha-256 ") {
		t.Error(text)
	}
}

// TestRefused changes an offer so that there is no answer.
func TestRefused(t *testing.T) {
	all := offers(t)
	text := string(all["chromium"])
	for _, c := range []struct {
		name, old, new, reason string
	}{
		{"no H.264", "H264/90000", "H265/90000", "no H.264"},
		{"only packetization-mode=0", "packetization-mode=1", "packetization-mode=0", "packetization-mode=1"},
		{"no video", "m=video", "m=audio", "no video"},
		{"sends", "a=recvonly", "a=sendonly", "recvonly"},
		{"inactive", "a=recvonly", "a=inactive", "recvonly"},
		{"no rtcp-mux", "a=rtcp-mux\r\n", "", "rtcp-mux"},
		{"no DTLS", "UDP/TLS/RTP/SAVPF", "TCP/MSRP", "DTLS"},
		{"no port", "m=video 9", "m=video 0", "port"},
		{"passive", "a=setup:actpass", "a=setup:passive", "setup"},
		{"no user", "a=ice-ufrag:", "a=ice-other:", "ICE"},
		{"no password", "a=ice-pwd:", "a=ice-other:", "ICE"},
		{"no fingerprint", "a=fingerprint:sha-256", "a=fingerprint:sha-1", "fingerprint"},
		{"both lite", "a=group:", "a=ice-lite\r\na=group:", "lite"},
	} {
		_, err := ParseOffer([]byte(strings.ReplaceAll(text, c.old, c.new)))
		refusal, ok := errors.AsType[*Refusal](err)
		if !ok || !strings.Contains(refusal.Reason, c.reason) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	sections := strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", maxSections)
	for name, c := range map[string]struct{ text, says string }{
		"nothing":            {"", "must be an SDP, which begins with v=0"},
		"nonsense":           {"GET / HTTP/1.1\r\n\r\n", "must be an SDP, which begins with v=0"},
		"a line of nonsense": {"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nnonsense\r\n", "line 3 must be a letter, ="},
		"a bad value":        {strings.Replace(text, "m=video 9", "m=video nine", 1), "a value is wrong"},
		"1 MB":               {text + strings.Repeat("a=x\r\n", 200_000), "must be at most 32768"},
		"many sections":      {text + sections, "must be at most 32"},
		"a mid with a space": {strings.ReplaceAll(text, "a=mid:1", "a=mid:1 2"), "media section 2 of the offer"},
		"a long mid":         {strings.ReplaceAll(text, "a=mid:1", "a=mid:"+strings.Repeat("1", maxTokenBytes+1)), "up to 64"},
	} {
		_, err := ParseOffer([]byte(c.text))
		if _, ok := errors.AsType[*Refusal](err); ok || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestSections has offers be laid out in other ways.
func TestSections(t *testing.T) {
	text := string(offers(t)["chromium"])
	head, picture := strings.Index(text, "m=audio"), strings.Index(text, "m=video")
	session, sound, video := text[:head], text[head:picture], text[picture:]
	transport := "a=ice-ufrag:theirs\r\na=ice-pwd:rDkN1kqzlKmWcqjFdS8bqQxN\r\na=fingerprint:sha-256 " + strings.Repeat("00:", 31) + "00\r\na=setup:active\r\n"
	bare := withoutTransport(video)
	for name, text := range map[string]string{
		"the session says it":           session + transport + withoutTransport(sound) + bare,
		"the first of the bundle":       session + withoutTransport(sound) + transport + strings.ReplaceAll(bare, "m=video 9", "m=video 0") + "a=bundle-only\r\n",
		"video alone, without a bundle": strings.ReplaceAll(session, "a=group:BUNDLE 0 1\r\n", "") + bare + transport,
		"no direction":                  session + sound + strings.ReplaceAll(bare, "a=recvonly\r\n", "") + transport,
		"a second video":                session + sound + video + strings.ReplaceAll(video, "a=mid:1", "a=mid:2"),
		"the first video is VP8":        session + strings.ReplaceAll(strings.ReplaceAll(video, "a=mid:1", "a=mid:2"), "H264", "VP8") + bare + transport,
		"a data channel":                session + sound + video + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n",
	} {
		o, err := ParseOffer([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a := given
		a.Codec = o.Codecs[0]
		answer := o.Answer(a)
		if bytes.Count(answer, []byte("a=sendonly\r\n")) != 1 || bytes.Count(answer, []byte("m=")) != strings.Count(text, "m=") ||
			bytes.Count(answer, []byte("a=inactive\r\n")) != strings.Count(text, "m=")-1 || !bytes.Contains(answer, []byte("a=mid:1\r\na=sendonly")) {
			t.Errorf("%s:\n%s", name, answer)
		}
	}
}

// withoutTransport takes from a section what is said of ICE and DTLS.
func withoutTransport(section string) (rest string) {
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "a=ice-") && !strings.HasPrefix(line, "a=fingerprint") && !strings.HasPrefix(line, "a=setup") {
			rest += line
		}
	}
	return rest
}

func TestFragment(t *testing.T) {
	for _, c := range []struct {
		text, ufrag, password string
		bad                   bool
	}{
		{"a=ice-ufrag:EsAw\r\na=ice-pwd:P2uY\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 UDP 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n", "EsAw", "P2uY", false},
		{"", "", "", false}, {"a=end-of-candidates\n\n", "", "", false}, {"a=ice-ufrag:one\r\na=ice-ufrag:one\r\n", "one", "", false},
		{"a=ice-ufrag:one\r\na=ice-ufrag:two\r\n", "", "", true}, {"a=ice-pwd:one\r\na=ice-pwd:two\r\n", "", "", true}, {"candidate", "", "", true},
		{"m=audio 9 RTP/AVP \x01\r\n", "", "", true}, {"a=mid:0 1\r\n", "", "", true}, {strings.Repeat("a=x\r\n", 4000), "", "", true},
	} {
		f, err := ParseFragment([]byte(c.text))
		if (err != nil) != c.bad || err == nil && (f.Ufrag != c.ufrag || f.Password != c.password) {
			t.Errorf("%.100q: %+v, %v", c.text, f, err)
		}
	}
}

// TestRestart has viewers restart ICE: an answer says what is new, and repeats what it has to of the fragment.
func TestRestart(t *testing.T) {
	const section, names = "m=audio 9\t UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n", "a=ice-ufrag:ysXw\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n"
	const is = "a=ice-ufrag:ours\r\na=ice-pwd:secret\r\na=candidate:1 1 udp 2130706431 192.0.2.1 5004 typ host\r\na=end-of-candidates\r\n"
	const lite = "a=ice-lite\r\na=ice-options:trickle ice2\r\n"
	for _, c := range []struct{ text, want string }{
		{"a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\n" + section + names + "m=video 9 RTP/AVP 96\r\na=mid:1\r\n", lite + "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n" + is},
		{names, lite + is},
	} {
		f, err := ParseFragment([]byte(c.text))
		if err != nil || f.CheckRestart() != nil {
			t.Errorf("%v, %v", err, f.CheckRestart())
			continue
		}
		if got := string(f.AnswerRestart("ours", "secret", given.Candidates[:1])); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for _, text := range []string{"a=ice-ufrag:ysXw\r\n", "a=ice-ufrag:ysX\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n", "a=ice-ufrag:ysXw\r\na=ice-pwd:short\r\n", "a=ice-ufrag:" + strings.Repeat("a", 257) + "\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n"} {
		if f, err := ParseFragment([]byte(text)); err != nil || f.CheckRestart() == nil {
			t.Errorf("%.50q can restart ICE: %v", text, err)
		}
	}
}

// FuzzOffer has anything be offered. What is taken can be answered, by lines that another implementation reads.
func FuzzOffer(f *testing.F) {
	for _, text := range offers(f) {
		f.Add(text)
		f.Add([]byte(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	f.Add([]byte("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if f, err := ParseFragment(text); err == nil {
			if answer := f.AnswerRestart("ours", "secret", given.Candidates); bytes.Count(answer, []byte("\n")) != bytes.Count(answer, []byte("\r\n")) || bytes.Count(answer, []byte("\n")) > 11 {
				t.Fatalf("the fragment has put lines into the answer:\n%s", answer)
			}
		}
		o, err := ParseOffer(text)
		if err != nil {
			return
		}
		a := given
		a.Codec = o.Choose([3]byte{0x42, 0xe0, 0x1f})
		answer := o.Answer(a)
		var s sdp.SessionDescription
		if err := s.Unmarshal(answer); err != nil || len(s.MediaDescriptions) != len(o.sections) {
			t.Fatalf("%v\n%s", err, answer)
		}
		transports := len(o.sections)
		if bytes.Count(answer, []byte("\n")) != bytes.Count(answer, []byte("\r\n")) || bytes.Count(answer, []byte("\r")) != bytes.Count(answer, []byte("\n")) ||
			bytes.Count(answer, []byte("a=ice-ufrag:")) != transports || bytes.Count(answer, []byte("a=fingerprint:")) != transports {
			t.Fatalf("the offer has put lines into the answer:\n%s", answer)
		}
	})
}
