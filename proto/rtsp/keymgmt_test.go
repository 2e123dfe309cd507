package rtsp

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
)

func TestParseKeyMgmt(t *testing.T) {
	for in, want := range map[string]string{
		`prot=mikey; uri="rtsps://h/cam"; data="AQID"`: "\x01\x02\x03", // GStreamer
		`prot=mikey;uri="rtsps://h/cam;x";data="AQID"`: "\x01\x02\x03", // gortsplib
		`data=AQID;PROT=MIKEY`:                         "\x01\x02\x03",
		`prot=mikey;data="AQI"`:                        "-",
		`prot=mikey;data=""`:                           "-",
		`prot=mikey`:                                   "-",
		`data="AQID"`:                                  "-",
		`prot=sdes;data="AQID"`:                        "-",
		``:                                             "-",
	} {
		if got, ok := parseKeyMgmt([]string{in}); ok != (want != "-") || ok && got != want {
			t.Errorf("%q: %q, %v", in, got, ok)
		}
	}
	if got, ok := parseKeyMgmt(nil); got != "" || !ok {
		t.Errorf("without a header: %q, %v", got, ok)
	}
	if _, ok := parseKeyMgmt([]string{"prot=mikey;data=AQID", "prot=mikey;data=AQID"}); ok {
		t.Error("two headers are taken")
	}
}

// TestKeysInDescription has the profile be SAVP, and the keys stand in the track.
func TestKeysInDescription(t *testing.T) {
	sdp, err := SDP(Description{Path: "cam", PayloadType: 26, KeyMgmt: []byte{1, 2, 3}}, Place{Origin: netip.MustParseAddr("192.0.2.1"), Control: "rtsps://h/cam"})
	if err != nil || !strings.Contains(string(sdp), "m=video 0 RTP/SAVP 26\r\na=key-mgmt:mikey AQID\r\n") {
		t.Errorf("%s, %v", sdp, err)
	}
}

// FuzzKeyMgmt has what is taken be what stands in the header, and what is written be read by gortsplib as far
// as its URL has no quotes.
func FuzzKeyMgmt(f *testing.F) {
	f.Add(`prot=mikey; uri="rtsps://h/cam"; data="AQID"`, "rtsps://h/cam")
	f.Add(`data=====;prot="mikey`, "")
	f.Fuzz(func(t *testing.T, in, url string) {
		message, ok := parseKeyMgmt([]string{in})
		if !ok {
			return
		}
		if unpadded := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(message)), "="); !strings.Contains(strings.NewReplacer("\n", "", "\r", "").Replace(in), unpadded[:len(unpadded)-1]) {
			t.Errorf("%q gives %q", in, message)
		}
		out := appendKeyMgmt(nil, url, []byte(message))
		if strings.ContainsAny(url, "\"\r\n") {
			return
		}
		value, _ := bytes.CutPrefix(bytes.TrimSuffix(out, []byte("\r\n")), []byte("KeyMgmt: "))
		var h headers.KeyMgmt
		if err := h.Unmarshal(base.HeaderValue{string(value)}); err != nil && !strings.Contains(err.Error(), "invalid data") {
			t.Errorf("%q: %v", value, err)
		}
	})
}
