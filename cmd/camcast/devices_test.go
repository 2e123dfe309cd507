package main

import (
	"encoding/json"
	"errors"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/capture/v4l2"
)

// webcam is a camera as the driver tells of it, with a name that a terminal would obey.
func webcam() v4l2.Found {
	d := v4l2.Details{Device: v4l2.Device{Path: "/dev/video2", Card: "C922\x1b[2J", Driver: "uvcvideo", Bus: "usb-1"}}
	d.Modes = []v4l2.Mode{
		{Format: "mjpeg", FourCC: "MJPG", Width: 1280, Height: 720, Rates: v4l2.Rates{Each: []float64{30, 29.97002997, 5}}},
		{Format: "mjpeg", FourCC: "MJPG", Width: 640, Height: 480, Rates: v4l2.Rates{Each: []float64{60}}},
		{Format: "yuyv", FourCC: "YUYV", Width: 16, Height: 16, Sizes: "16x16 to 640x480 in steps of 8x8", Rates: v4l2.Rates{Least: 1, Most: 25}},
		{Format: "grey", FourCC: "GREY"},
		{FourCC: "NV16", Width: 640, Height: 480}, {FourCC: "NV16", Width: 320, Height: 240}, {FourCC: "BA\x0781"},
	}
	d.Default = &d.Modes[0]
	d.Controls = []v4l2.Control{
		{Name: "brightness", Title: "Brightness", Kind: v4l2.Integer, Least: -64, Most: 64, Step: 1, Value: 7},
		{Name: "exposure_auto", Title: "Exposure, Auto", Kind: v4l2.Menu, Most: 3, Value: 3, Default: 1, Menu: []v4l2.MenuItem{{Index: 1, Name: "Manual\x1b"}, {Index: 3, Name: "Auto"}}},
		{Name: "focus_absolute", Kind: v4l2.Integer, Most: 250, Step: 5, Inactive: true},
		{Name: "do_white_balance", Kind: v4l2.Button},
		{Name: "privacy", Kind: v4l2.Boolean, Most: 1, ReadOnly: true},
		{Name: "areas", Kind: v4l2.Bitmask, Most: 255, Value: 31},
	}
	return v4l2.Found{Details: d}
}

const listedWebcam = `/dev/video2: C922[2J (driver uvcvideo, at usb-1)
  open in ffmpeg (pid 12)
  camcast '/dev/video2?size=1280x720&format=mjpeg'
  mjpeg:
    1280x720   30, 29.97, 5 frames/s    '/dev/video2?size=1280x720&format=mjpeg'
    640x480    60 frames/s              '/dev/video2?size=640x480&format=mjpeg'
  yuyv:
    16x16 to 640x480 in steps of 8x8 1 to 25 frames/s         '/dev/video2?size=16x16&format=yuyv'
  grey:
    sizes not told rates not told           '/dev/video2?format=grey'
  cannot be broadcast: NV16, BA81
  controls: camcast controls /dev/video2, or camcast '/dev/video2?control.NAME=VALUE'
    brightness       integer -64 to 64; default 0; now 7
    exposure_auto    menu 1 (Manual), 3 (Auto); default 1 (Manual); now 3 (Auto)
    focus_absolute   integer 0 to 250 in steps of 5; default 0; now 0; without effect now
    do_white_balance button
    privacy          boolean; default 0; now 0; cannot be set
    areas            bitmask 0x0 to 0xff; default 0x0; now 0x1f

/dev/video4: permission denied
`

func TestDevicesAreListed(t *testing.T) {
	var out strings.Builder
	cameras := []listedCamera{
		listCamera(webcam(), []process{{12, "ffmpeg"}}),
		listCamera(v4l2.Found{Details: v4l2.Details{Device: v4l2.Device{Path: "/dev/video4"}}, Err: errors.New("/dev/video4: permission denied")}, nil),
	}
	if err := writeCameras(&out, cameras); err != nil || out.String() != listedWebcam {
		t.Errorf("%v:\n%s\nwant\n%s", err, out.String(), listedWebcam)
	}
	out.Reset()
	if err := writeCameras(&out, nil); err != nil || out.String() != "No camera is connected.\n" {
		t.Errorf("%q", out.String())
	}
	// All arguments are such that camcast takes them.
	for _, m := range cameras[0].Modes {
		if m.Argument == "" {
			continue
		}
		spec, err := parseSource(m.Argument)
		if err != nil || spec.kind != deviceSource || spec.format != m.Format || spec.width != m.Width || spec.height != m.Height {
			t.Errorf("%s: %+v, %v", m.Argument, spec, err)
		}
	}
}

func TestDevicesAsJSON(t *testing.T) {
	var out strings.Builder
	want := []listedCamera{listCamera(webcam(), nil)}
	if err := writeJSON(&out, want); err != nil {
		t.Fatal(err)
	}
	var got []listedCamera
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	for i := range want[0].Modes {
		want[0].Modes[i].rates = "" // is for people
	}
	if !reflect.DeepEqual(got, want) || strings.Contains(out.String(), "\\u001b") || !strings.Contains(out.String(), `"argument": "/dev/video2?size=1280x720&format=mjpeg"`) {
		t.Errorf("%+v from %s", got, out.String())
	}
}

// TestHolders finds a process by a device that it has open.
func TestHolders(t *testing.T) {
	child := exec.Command("cat") // which waits for its input; its output is /dev/null
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = input.Close(); _ = child.Wait() }()
	if got := holders(isDevice("/dev/null")); !slices.Contains(got, process{child.Process.Pid, "cat"}) {
		t.Errorf("%v, which lack cat (pid %d)", got, child.Process.Pid)
	}
	for _, path := range []string{"/dev/nowhere", "/dev", "devices_test.go"} {
		if got := holders(isDevice(path)); len(got) > 0 {
			t.Errorf("%s is open in %v", path, got)
		}
	}
}

// TestControlsOfSource keeps the order, in which some have to be set.
func TestControlsOfSource(t *testing.T) {
	spec, err := parseSource("/dev/video0?control.exposure_auto=Manual%20Mode&size=640x480&control.gain=0x10&fps=5&control.gain=3")
	want := []v4l2.Setting{{Name: "exposure_auto", Value: "Manual Mode"}, {Name: "gain", Value: "0x10"}, {Name: "gain", Value: "3"}}
	if err != nil || !slices.Equal(spec.controls, want) || spec.width != 640 || spec.fps != 5 {
		t.Errorf("%+v, %v", spec, err)
	}
}
