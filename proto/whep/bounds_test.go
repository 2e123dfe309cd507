package whep

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

// TestLargestOffers has offers be as large as they may be, and a little larger.
func TestLargestOffers(t *testing.T) {
	text := string(offers(t)["chromium"])
	line := "a=x:" + strings.Repeat("y", 94) + "\r\n" // 100 bytes
	padded := func(bytes int) string {
		lines := text + strings.Repeat(line, (bytes-len(text))/len(line)-1)
		return lines + "a=x:" + strings.Repeat("y", bytes-len(lines)-6) + "\r\n"
	}
	sections := func(more int) string { return text + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", more) }
	mid := func(name string) string { return strings.ReplaceAll(text, "a=mid:1", "a=mid:"+name) }
	user := func(letters int) string {
		return strings.ReplaceAll(text, "a=ice-ufrag:UwQS", "a=ice-ufrag:"+strings.Repeat("u", letters))
	}
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"the largest": {padded(MaxOfferBytes), true}, "a byte more": {padded(MaxOfferBytes + 1), false},
		"the most sections": {sections(maxSections - 2), true}, "a section more": {sections(maxSections - 1), false},
		"the longest mid": {mid(strings.Repeat("1", 64)), true}, "a longer mid": {mid(strings.Repeat("1", 65)), false},
		"the longest user name": {user(256), true}, "a longer user name": {user(257), false},
		"letters and digits": {mid("09azAZ"), true}, "other characters": {mid("!#$%&'*+-.^_`{|}~"), true},
		"a slash": {mid("a/b"), false}, "a colon": {mid("a:b"), false}, "an at sign": {mid("a@b"), false}, "a bracket": {mid("a[b"), false},
		"a letter that is not ASCII": {mid("ä"), false}, "a section without a format": {text + "m=audio 9 UDP/TLS/RTP/SAVPF\r\n", false},
	} {
		o, err := ParseOffer([]byte(c.text))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			checkAnswered(t, name, o)
		}
	}
	if n := len(padded(MaxOfferBytes)); n != MaxOfferBytes {
		t.Fatalf("the largest offer has %d bytes", n)
	}
	if _, err := ParseFragment([]byte("a=\r\n")); err != nil {
		t.Errorf("an empty line of a fragment: %v", err)
	}
	fragment := func(bytes int) []byte { return []byte("a=" + strings.Repeat("x", bytes-2)) }
	if _, err := ParseFragment(fragment(MaxFragmentBytes)); err != nil {
		t.Errorf("the largest fragment: %v", err)
	}
	if _, err := ParseFragment(fragment(MaxFragmentBytes + 1)); err == nil {
		t.Error("a larger fragment is read")
	}
}

// checkAnswered has another implementation read the answer to an offer.
func checkAnswered(t *testing.T, name string, o *Offer) {
	t.Helper()
	a := given
	a.Codec = o.Codecs[0]
	text := o.Answer(a)
	var s sdp.SessionDescription
	if err := s.Unmarshal(text); err != nil || len(s.MediaDescriptions) != len(o.sections) {
		t.Errorf("%s: %v\n%s", name, err, text)
	}
}

// TestPlayoutDelayIDs says which numbers of the header extension are used: those that fit into its one-byte form, and that the
// server may send.
func TestPlayoutDelayIDs(t *testing.T) {
	const uri = " " + playoutDelayURI
	for value, want := range map[string]uint8{
		"1" + uri: 1, "14" + uri: 14, "0" + uri: 0, "15" + uri: 0, "255" + uri: 0, "257" + uri: 0, "-1" + uri: 0, "x" + uri: 0,
		"6/recvonly" + uri: 6, "6/sendrecv" + uri: 6, "6/sendonly" + uri: 0, "6/inactive" + uri: 0, "6": 0, "": 0, "6 urn:other": 0,
		"6" + uri + " more": 6,
	} {
		m := &sdp.MediaDescription{Attributes: []sdp.Attribute{{Key: "extmap", Value: value}}}
		if got, _ := playoutDelay(m); got != want {
			t.Errorf("%q is %d, want %d", value, got, want)
		}
	}
	if got, _ := playoutDelay(&sdp.MediaDescription{Attributes: []sdp.Attribute{{Key: "other", Value: "6" + uri}}}); got != 0 {
		t.Errorf("another attribute is %d", got)
	}
}

// TestChoose has a stream be sent by the payload type that suits it best: the first of those that are as good.
func TestChoose(t *testing.T) {
	codecs := func(ids ...[3]byte) (o Offer) {
		for i, id := range ids {
			o.Codecs = append(o.Codecs, Codec{PayloadType: uint8(i), ProfileLevelID: id})
		}
		return o
	}
	baseline, constrained, high, constrainedHigh := [3]byte{0x42, 0, 0x1f}, [3]byte{0x42, 0xe0, 0x1f}, [3]byte{0x64, 0, 0x1f}, [3]byte{0x64, 0x0c, 0x1f}
	main := [3]byte{0x4d, 0, 0x1f}
	for name, c := range map[string]struct {
		offer  Offer
		stream [3]byte
		want   uint8
	}{
		"the profile and its constraints":      {codecs(constrained, constrainedHigh, high, high), high, 2},
		"the profile":                          {codecs(constrained, constrainedHigh, constrainedHigh), high, 1},
		"the profile rather than the baseline": {codecs(baseline, constrained, high, constrainedHigh), constrainedHigh, 3},
		"constrained baseline":                 {codecs(baseline, main, constrained, constrained), high, 2},
		"none suits: the first":                {codecs(baseline, main), high, 0},
		"constraints are no profile":           {codecs(main, [3]byte{0x4d, 0x40, 0x1f}), high, 0},
	} {
		if got := c.offer.Choose(c.stream).PayloadType; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestCodecs says which payload types are read.
func TestCodecs(t *testing.T) {
	const h264, mode1 = "H264/90000", "packetization-mode=1"
	for name, c := range map[string]struct {
		formats    string
		attributes [][2]string
		want       string
	}{
		"the largest number": {"127", [][2]string{{"rtpmap", "127 " + h264}, {"fmtp", "127 " + mode1}}, "[{127 [66 0 10] [] true}]"},
		"a larger number":    {"128", [][2]string{{"rtpmap", "128 " + h264}, {"fmtp", "128 " + mode1}}, "[]"},
		"a level":            {"9", [][2]string{{"rtpmap", "9 h264/90000"}, {"fmtp", "9 Profile-Level-ID=64001f; " + mode1}}, "[{9 [100 0 31] [] true}]"},
		"half a level":       {"9", [][2]string{{"rtpmap", "9 " + h264}, {"fmtp", "9 profile-level-id=6400;" + mode1}}, "[{9 [66 0 10] [] true}]"},
		"a long level":       {"9", [][2]string{{"rtpmap", "9 " + h264}, {"fmtp", "9 profile-level-id=64001f00;" + mode1}}, "[{9 [66 0 10] [] true}]"},
		"no mode":            {"9", [][2]string{{"rtpmap", "9 " + h264}, {"fmtp", "9 x=y"}}, "[{9 [66 0 10] [] false}]"},
		"mode 0":             {"9", [][2]string{{"rtpmap", "9 " + h264}, {"fmtp", "9 packetization-mode=0"}}, "[]"},
		"not mapped":         {"9 10", [][2]string{{"rtpmap", "10 VP8/90000"}, {"fmtp", "9 " + mode1}, {"fmtp", "10 " + mode1}}, "[]"},
		"feedback": {"9 10", [][2]string{{"rtpmap", "9 " + h264}, {"rtpmap", "10 " + h264}, {"fmtp", "9 " + mode1}, {"fmtp", "10 " + mode1},
			{"rtcp-fb", "* nack"}, {"rtcp-fb", "9 nack"}, {"rtcp-fb", "9 nack"}, {"rtcp-fb", "9 transport-cc"}, {"rtcp-fb", "10 goog-remb"}},
			"[{9 [66 0 10] [nack] true} {10 [66 0 10] [goog-remb nack] true}]"},
		"one number twice": {"9 9", [][2]string{{"rtpmap", "9 " + h264}, {"fmtp", "9 " + mode1}}, "[{9 [66 0 10] [] true}]"},
	} {
		m := &sdp.MediaDescription{MediaName: sdp.MediaName{Formats: strings.Fields(c.formats)}}
		for _, a := range c.attributes {
			m.Attributes = append(m.Attributes, sdp.Attribute{Key: a[0], Value: a[1]})
		}
		codecs, mode0 := readCodecs(m)
		if got := fmt.Sprint(codecs); got != c.want || mode0 != (name == "mode 0") {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestBundles says which offers are bundled, and where they say how the video is reached.
func TestBundles(t *testing.T) {
	text := string(offers(t)["chromium"])
	video := strings.Index(text, "m=video")
	elsewhere := text[:video] + withoutTransport(text[video:]) // only the first section says it
	for group, c := range map[string]struct{ bundled, found bool }{
		"BUNDLE 0 1": {true, true}, "BUNDLE 1 0": {true, false}, "BUNDLE 1": {true, false}, "BUNDLE 0": {false, false}, "BUNDLE": {false, false},
		"LS 0 1": {false, false}, "": {false, false}, "BUNDLE 9 1": {true, false},
	} {
		for _, whole := range []bool{true, false} {
			offer := elsewhere
			if whole {
				offer = text
			}
			o, err := ParseOffer([]byte(strings.ReplaceAll(offer, "a=group:BUNDLE 0 1", "a=group:"+group)))
			if (err == nil) != (whole || c.found) {
				t.Errorf("%q, whole %v: %v", group, whole, err)
			}
			if err == nil && (len(o.bundle) > 0) != c.bundled {
				t.Errorf("%q, whole %v: bundled %v", group, whole, o.bundle)
			}
		}
	}
}

// TestFamilies has the server be at an address of IPv6, and at one of IPv4 that is written as IPv6.
func TestFamilies(t *testing.T) {
	o, err := ParseOffer(offers(t)["chromium"])
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{"[2001:db8::1]:5004": " IN IP6 2001:db8::1\r\n", "[::ffff:192.0.2.1]:5004": " IN IP4 192.0.2.1\r\n"} {
		a := given
		a.Codec, a.Candidates = o.Codecs[0], []netip.AddrPort{netip.MustParseAddrPort(at)}
		text := o.Answer(a)
		if !strings.Contains(string(text), "\r\nc="+want[1:]) || !strings.Contains(strings.SplitAfterN(string(text), "\r\n", 3)[1], want) {
			t.Errorf("%s:\n%s", at, text)
		}
	}
}

// TestFirstVideo has an offer begin with two sections of video: the first is answered.
func TestFirstVideo(t *testing.T) {
	text := string(offers(t)["chromium"])
	video := strings.Index(text, "m=video")
	o, err := ParseOffer([]byte(text[:strings.Index(text, "m=audio")] + text[video:] + strings.ReplaceAll(text[video:], "a=mid:1", "a=mid:0")))
	if err != nil || o.video != 0 {
		t.Errorf("%v, %+v", err, o)
	}
}
