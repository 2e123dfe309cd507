package main

import (
	"bytes"
	"testing"

	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtp"
)

// TestListedFormats: the list names formats as the rest of the program does.
func TestListedFormats(t *testing.T) {
	var text bytes.Buffer
	err := printStreams(&text, []join.Stream{
		{Name: "cam", Width: 640, Height: 480, MilliFPS: 29970, PayloadType: rtp.PayloadTypeJPEG},
		{Name: "roof", Width: 1920, Height: 1080, PayloadType: 96, Encoding: "H264"},
		{Name: "yard", PayloadType: 96, Encoding: "H265"},
		{Name: "new", PayloadType: 97, Encoding: "AV\t1"},
		{Name: "old", PayloadType: 98},
	})
	want := "cam\t640x480\t29.97 fps\tJPEG\n" +
		"roof\t1920x1080\t? fps\tH.264\n" +
		"yard\t0x0\t? fps\tH.265\n" +
		"new\t0x0\t? fps\tAV\\t1\n" +
		"old\t0x0\t? fps\tpayload type 98\n"
	if err != nil || text.String() != want {
		t.Errorf("%v, %q; want %q", err, text.String(), want)
	}
}
