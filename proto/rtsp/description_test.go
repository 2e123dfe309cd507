package rtsp

import (
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
)

func lines(s string) string { return strings.ReplaceAll(strings.TrimLeft(s, "\n"), "\n", "\r\n") }

// JPEG and H.264, as DESCRIBE is answered.
func TestSDPForDescribe(t *testing.T) {
	tests := []struct {
		name string
		d    Description
		want string
	}{
		{"JPEG", Description{
			Path: "cam", Name: "Porch", SessionID: 7, Version: 2, PayloadType: 26, Encoding: "JPEG/90000", Width: 4096, Height: 2160, FrameRate: 29.97,
		}, `
v=0
o=- 7 2 IN IP4 192.0.2.1
s=Porch
c=IN IP4 0.0.0.0
t=0 0
a=control:rtsp://h/cam
a=range:npt=now-
m=video 0 RTP/AVP 26
a=rtpmap:26 JPEG/90000
a=framesize:26 4096-2160
a=x-dimensions:4096,2160
a=framerate:29.97
a=control:rtsp://h/cam/trackID=0
`},
		{"H.264", Description{
			Path: "cam", SessionID: 7, Version: 18446744073709551615, PayloadType: 96, Encoding: "H264/90000",
			FormatParameters: "packetization-mode=1;profile-level-id=42C01F;sprop-parameter-sets=Z0LAH9oBQBbpUgAAAwACAAADAGQEDAEHgA==,aM48gA==",
			Width:            1280, Height: 720,
		}, `
v=0
o=- 7 18446744073709551615 IN IP4 192.0.2.1
s=-
c=IN IP4 0.0.0.0
t=0 0
a=control:rtsp://h/cam
a=range:npt=now-
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;profile-level-id=42C01F;sprop-parameter-sets=Z0LAH9oBQBbpUgAAAwACAAADAGQEDAEHgA==,aM48gA==
a=framesize:96 1280-720
a=x-dimensions:1280,720
a=control:rtsp://h/cam/trackID=0
`},
		{"a static payload type", Description{Path: "cam", PayloadType: 32}, `
v=0
o=- 0 0 IN IP4 192.0.2.1
s=-
c=IN IP4 0.0.0.0
t=0 0
a=control:rtsp://h/cam
a=range:npt=now-
m=video 0 RTP/AVP 32
a=control:rtsp://h/cam/trackID=0
`},
	}
	for _, test := range tests {
		got, err := SDP(test.d, Place{Origin: netip.MustParseAddr("192.0.2.1"), Control: "rtsp://h/cam"})
		if err != nil || string(got) != lines(test.want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", test.name, err, got, lines(test.want))
		}
		if err := new(sdp.SessionDescription).Unmarshal(got); err != nil {
			t.Errorf("%s: cannot be read again: %v", test.name, err)
		}
	}
}

func TestSDPForFile(t *testing.T) {
	h264 := Description{Path: "cam", PayloadType: 96, Encoding: "H264/90000", FormatParameters: "packetization-mode=1;profile-level-id=42C01F"}
	tests := []struct {
		name string
		at   Place
		want []string
	}{
		{"unicast", Place{Media: netip.MustParseAddrPort("192.0.2.9:5004")}, []string{"o=- 0 0 IN IP4 0.0.0.0", "c=IN IP4 192.0.2.9", "m=video 5004 RTP/AVP 96"}},
		{"multicast", Place{Media: netip.MustParseAddrPort("239.1.2.3:5004"), TTL: 16}, []string{"c=IN IP4 239.1.2.3/16"}},
		{"mapped", Place{Media: netip.MustParseAddrPort("[::ffff:239.1.2.3]:5004"), TTL: 1}, []string{"c=IN IP4 239.1.2.3/1"}},
		{"v6", Place{Origin: netip.MustParseAddr("fe80::1%eth0"), Media: netip.MustParseAddrPort("[2001:db8::9]:5004")}, []string{"o=- 0 0 IN IP6 fe80::1", "c=IN IP6 2001:db8::9"}},
		{"v6 multicast", Place{Media: netip.MustParseAddrPort("[ff15::1]:5004"), TTL: 16}, []string{"c=IN IP6 ff15::1"}},
		{"to be set up over v6", Place{Origin: netip.MustParseAddr("2001:db8::9")}, []string{"c=IN IP6 ::", "m=video 0 RTP/AVP 96"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := SDP(h264, test.at)
			if err != nil {
				t.Fatal(err)
			}
			text := "\r\n" + string(got)
			for _, line := range append(test.want, "s=-", "t=0 0", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1;profile-level-id=42C01F") {
				if !strings.Contains(text, "\r\n"+line+"\r\n") {
					t.Errorf("no line %s in\n%s", line, got)
				}
			}
			for _, part := range []string{"control", "framesize", "framerate", "b=AS"} {
				if strings.Contains(text, part) {
					t.Errorf("%s in\n%s", part, got)
				}
			}
			if err := new(sdp.SessionDescription).Unmarshal(got); err != nil {
				t.Errorf("cannot be read again: %v", err)
			}
		})
	}
}

func TestSDPRefuses(t *testing.T) {
	good := Description{Path: "cam", PayloadType: 26, Encoding: "JPEG/90000"}
	at := Place{Media: netip.MustParseAddrPort("192.0.2.9:5004")}
	tests := map[string]struct {
		change func(*Description, *Place)
		want   string
	}{
		"line break in name":       {func(d *Description, _ *Place) { d.Name = "a\r\nm=audio 1 RTP/AVP 0" }, "single line"},
		"line break in parameters": {func(d *Description, _ *Place) { d.FormatParameters = "a\nb" }, "single line"},
		"line break in encoding":   {func(d *Description, _ *Place) { d.Encoding = "JPEG/90000\n" }, "clock rate"},
		"space in encoding":        {func(d *Description, _ *Place) { d.Encoding = "JP EG/90000" }, "clock rate"},
		"encoding without name":    {func(d *Description, _ *Place) { d.Encoding = "/90000" }, "clock rate"},
		"encoding without clock":   {func(d *Description, _ *Place) { d.Encoding = "JPEG" }, "clock rate"},
		"clock of 0 Hz":            {func(d *Description, _ *Place) { d.Encoding = "JPEG/0" }, "clock rate"},
		"no format":                {func(d *Description, _ *Place) { d.PayloadType, d.Encoding = 0, "" }, "without encoding"},
		"dynamic payload type":     {func(d *Description, _ *Place) { d.PayloadType, d.Encoding = 96, "" }, "without encoding"},
		"payload type":             {func(d *Description, _ *Place) { d.PayloadType = 128 }, "0 to 127"},
		"frame rate":               {func(d *Description, _ *Place) { d.FrameRate = math.Inf(1) }, "frame rate"},
		"port":                     {func(_ *Description, p *Place) { p.Media = netip.MustParseAddrPort("192.0.2.9:0") }, "1 to 65534"},
		"no port above":            {func(_ *Description, p *Place) { p.Media = netip.MustParseAddrPort("192.0.2.9:65535") }, "1 to 65534"},
		"TTL":                      {func(_ *Description, p *Place) { p.Media = netip.MustParseAddrPort("239.0.0.1:5004") }, "TTL"},
		"URL":                      {func(_ *Description, p *Place) { p.Control = "rtsp://h/\n" }, "URL"},
	}
	for name, test := range tests {
		d, p := good, at
		test.change(&d, &p)
		if got, err := SDP(d, p); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), `"cam"`) {
			t.Errorf("%s: %q, %v, want an error with %q", name, got, err, test.want)
		}
	}
	m, s := newStage(Config{})
	s.media = broken{m}
	if r := ask(t, s.Accept(alice, server), 0, "DESCRIBE "+camURL+" RTSP/1.0", "CSeq: 1"); Status(r.StatusCode) != StatusInternalServerError {
		t.Errorf("status %d for a description that cannot be written", r.StatusCode)
	}
}

// broken is a Media whose description is none.
type broken struct{ *stage }

func (broken) Describe(_ *Conn, path string) (Description, Answer) {
	return Description{Path: path}, OK
}
