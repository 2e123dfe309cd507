package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/camcast/camcast/capture/rtsp"
	"github.com/camcast/camcast/receive"
)

// TestRTSPSources are URLs as people write them: what is the camera's, and what is ours.
func TestRTSPSources(t *testing.T) {
	print := strings.Repeat("0f", 32)
	for source, want := range map[string]sourceSpec{
		"rtsp://h/x":                                     {path: "rtsp://h/x"},
		"RTSP://h":                                       {path: "RTSP://h"},
		"porch=rtsp://u:p@h:8554/x":                      {name: "porch", path: "rtsp://u:p@h:8554/x"},
		"rtsp://h/x?transport=tcp":                       {path: "rtsp://h/x", rtsp: rtspSpec{transport: rtsp.OnlyTCP}},
		"rtsp://h/x?transport=UDP":                       {path: "rtsp://h/x", rtsp: rtspSpec{transport: rtsp.OnlyUDP}},
		"rtsp://h/x?transport=tcp&transport=any":         {path: "rtsp://h/x"},
		"rtsp://h/x?":                                    {path: "rtsp://h/x"},
		"rtsp://h/x?channel=1&subtype=0":                 {path: "rtsp://h/x?channel=1&subtype=0"},
		"rtsp://h/x?channel=1?transport=tcp":             {path: "rtsp://h/x?channel=1", rtsp: rtspSpec{transport: rtsp.OnlyTCP}},
		"rtsp://h/x?transport=tcp?":                      {path: "rtsp://h/x?transport=tcp"},
		"rtsp://u:p?transport=tcp@h/x":                   {path: "rtsp://u:p?transport=tcp@h/x"},
		"rtsp://u:p?a=b@h/x?transport=tcp":               {path: "rtsp://u:p?a=b@h/x", rtsp: rtspSpec{transport: rtsp.OnlyTCP}},
		"rtsp://[fe80::1%eth0]/x?transport=tcp":          {path: "rtsp://[fe80::1%eth0]/x", rtsp: rtspSpec{transport: rtsp.OnlyTCP}},
		"rtsps://h/x?tls-ca=/etc/a.pem&transport=tcp":    {path: "rtsps://h/x", rtsp: rtspSpec{transport: rtsp.OnlyTCP, trust: receive.Trust{CA: "/etc/a.pem"}}},
		"rtsp://h/x?allow-basic=1":                       {path: "rtsp://h/x", rtsp: rtspSpec{basic: true}},
		"rtsp://h/x?bitrate=2M&keyframe=2s":              {path: "rtsp://h/x?bitrate=2M&keyframe=2s"},
		"rtsp://h/x?bitrate=2M?transport=tcp":            {path: "rtsp://h/x?bitrate=2M", rtsp: rtspSpec{transport: rtsp.OnlyTCP}},
		"rtsp://h/x?encode=h264&bitrate=2M":              {path: "rtsp://h/x", encoding: encoding{isWished: true, bitrate: 2e6}},
		"rtsp://h/x?bitrate=9?encode=h264&transport=tcp": {path: "rtsp://h/x?bitrate=9", rtsp: rtspSpec{transport: rtsp.OnlyTCP}, encoding: encoding{isWished: true}},
		"rtsps://h/x?insecure=1":                         {path: "rtsps://h/x", rtsp: rtspSpec{trust: receive.Trust{Insecure: true}}},
		"rtsps://h/x?tls-fingerprint=" + print:           {path: "rtsps://h/x", rtsp: rtspSpec{trust: receive.Trust{Fingerprint: print}}},
	} {
		want.kind = rtspSource
		if got, err := parseSource(source); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", source, got, err, want)
		}
	}
}

// TestWrongRTSPSources are refused in a line that shows no password.
func TestWrongRTSPSources(t *testing.T) {
	for source, want := range map[string]string{
		"rtsp://":                                     "must name a host",
		"rtsp:///x":                                   "must name a host",
		"rtsp://u:geheim@h:0/x":                       "port 0 must be 1 to 65535",
		"rtsp://u:geheim@h:99999/x":                   "port 99999",
		"rtsp://u:geheim@h:x/x":                       "port is not a number",
		"rtsp://u:geheim@h/x?transport=quic":          "transport=quic: must be any, udp or tcp",
		"rtsp://u:geheim@h/x?channel=1&transport=tcp": "put them behind the URL's own query, as in ?channel=1?transport=tcp",
		"rtsp://u:geheim@h/x?encode=vp8":              "encode=vp8: must be h264",
		"rtsp://u:geheim@h/x?encode=h264&bitrate=1":   "H.264 of 1 bits/s",
		"rtsp://u:geheim@h/x?encode=h264&channel=1":   "put them behind the URL's own query, as in ?channel=1?encode=h264",
		"rtsp://u:geheim@h/x?insecure=1":              "does not begin with rtsps://",
		"rtsps://u:geheim@h/x?insecure=maybe":         "insecure=maybe",
		"rtsp://u:geheim@h/x?allow-basic=maybe":       "allow-basic=maybe",
		"rtsps://u:geheim@h/x?insecure=1&tls-ca=a":    "one of them at a time",
		"rtsps://u:geheim@h/x?transport=udp":          "would not be encrypted",
		"rtsps://u:geheim@h/x?tls-fingerprint=12":     "tls-fingerprint=12",
		"rtsps://u:geheim@h/x?tls-ca=":                "must be a PEM file",
		"bad name=rtsp://u:geheim@h/x":                "bad name",
		"camcast://u:geheim@h/x":                      "such a URL cannot be a source",
	} {
		_, err := parseSource(source)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v, want %q", source, err, want)
			continue
		}
		checkRefusal(t, source, err)
	}
	for _, sources := range [][]string{{"a=rtsp://u:geheim@h/x", "a=rtsp://u:geheim@h/y"}} {
		if _, err := parseSources(sources); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: %v", sources, err)
		}
	}
}
