package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/capture/testcard"
)

// runBinary runs camcast to its end.
func runBinary(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	binary, err := camcastBinary()
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	cmd := exec.Command("timeout", append([]string{"-k", "1", "10", binary}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

// TestWrongInput wants one clear line, and the right status.
func TestWrongInput(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "notes.txt")
	half := filepath.Join(folder, "half.mjpeg")
	twelve, large := filepath.Join(folder, "twelve.jpg"), filepath.Join(folder, "large.jpg")
	for name, data := range map[string]string{text: "hello", half: "\xff\xd8\xff\xe0\x00\x10JFIF", large: largePicture(t), twelve: twelveBits(t)} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open, short := filepath.Join(folder, "open"), filepath.Join(folder, "short")
	for name, mode := range map[string]os.FileMode{open: 0o644, short: 0o600} {
		if err := os.WriteFile(name, []byte("# users\nme:view:*:0123\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenRTCP, rtcp := takeRTCP(t)
	self := ownName(t)
	free := []string{"--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", "--http", "off"}
	for _, c := range []struct {
		args   []string
		status int
		want   []string
	}{
		{[]string{"--nope"}, 2, []string{"--nope"}},
		{[]string{"desk=camcast://u:secret@a/b"}, 2, []string{"camcast://...", "such a URL cannot be a source"}},
		{[]string{"http://a/b.mjpeg?fps=5"}, 2, []string{"http://...", "such a URL cannot be a source"}},
		{[]string{"desk=rtsp://u:secret@/b"}, 2, []string{"desk=rtsp:///b", "must name a host"}},
		{[]string{"rtsp://u:secret@a/b?transport=quic"}, 2, []string{"rtsp://a/b?transport=quic", "any, udp or tcp"}},
		{[]string{"--lag", "0"}, 2, []string{"--lag", "at least 1"}},
		{[]string{"--lag", "many"}, 2, []string{"lag", "many"}},
		{[]string{"--lag", "5000"}, 2, []string{"--lag 5000", "1 to 1000"}},
		{[]string{"--lag-time", "0s"}, 2, []string{"--lag-time 0s", "more than 0s"}},
		{[]string{"--lag-time", "-1s"}, 2, []string{"--lag-time -1s", "more than 0s"}},
		{[]string{"--lag-time", "1m"}, 2, []string{"--lag-time 1m0s", "20s"}},
		{[]string{"--lag-time", "5"}, 2, []string{"lag-time", "5"}},
		{[]string{"--max-readers", "-1"}, 2, []string{"--max-readers -1"}},
		{[]string{"--max-frame", "0"}, 2, []string{"--max-frame 0", "at least 1"}},
		{[]string{"--max-frame", "-1"}, 2, []string{"--max-frame -1"}},
		{[]string{"--max-frame", "1000"}, 2, []string{"--max-frame", "1024 to 1073741824"}},
		{[]string{"--max-frame", "2000000000"}, 2, []string{"--max-frame", "1024 to 1073741824"}},
		{[]string{"--max-frame", "16M"}, 2, []string{"max-frame", "16M"}},
		{[]string{"--mtu", "100"}, 2, []string{"--mtu 100", "576"}},
		{[]string{"--burst", "65"}, 2, []string{"--burst 65", "1 to 64"}},
		{[]string{"--max-readers-per-address", "-5"}, 2, []string{"--max-readers-per-address -5"}},
		{[]string{"--low-ports=some"}, 2, []string{"--low-ports", "some"}},
		{[]string{"--max-tcp-backlog", "-5"}, 2, []string{"--max-tcp-backlog -5"}},
		{[]string{"--max-tcp-backlog", "64MB"}, 2, []string{"max-tcp-backlog", "64MB"}},
		{[]string{"--max-connections", "-1"}, 2, []string{"--max-connections -1"}},
		{[]string{"--spread", "-1"}, 2, []string{"--spread -1", "0 to 1"}},
		{[]string{"--spread", "1.5"}, 2, []string{"--spread 1.5", "0 to 1"}},
		{[]string{"--adapt", "thick"}, 2, []string{"--adapt", "thick", "off, thin or quality"}},
		{[]string{"--rtsp", "8554"}, 2, []string{"--rtsp", "8554", ":8554"}},
		{[]string{"--rtsps", "8322", "--tls-cert", "c", "--tls-key", "k"}, 2, []string{"--rtsps", "8322", ":8554"}},
		{[]string{"--https", ":8443"}, 2, []string{"--https needs a certificate", "--tls-cert", "camcast certificate"}},
		{[]string{"--https", "8443", "--tls-cert", "c", "--tls-key", "k"}, 2, []string{"--https", "8443", ":8554"}},
		{[]string{"--rtsps", ":8322"}, 2, []string{"--rtsps needs a certificate", "--tls-cert", "camcast certificate"}},
		{[]string{"--tls-key", "k"}, 2, []string{"--tls-key", "--tls-cert"}},
		{[]string{"--tls-cert", "c"}, 2, []string{"--tls-cert needs its key", "--tls-key"}},
		{[]string{"--rtp", "127.0.0.1:99999"}, 2, []string{"--rtp", "99999"}},
		{[]string{"--rtp", ":65535"}, 2, []string{"--rtp", "65535", "RTCP"}},
		{[]string{"--rtp", "off"}, 2, []string{"--rtp off", "cannot be off", "127.0.0.1:5004"}},
		{[]string{"--log", "xml"}, 2, []string{"--log", "text or json"}},
		{[]string{"--log-level", "loud"}, 2, []string{"--log-level", "debug, info, warn or error"}},
		{[]string{"--auth", ""}, 2, []string{"--auth", "a FILE is needed"}},
		{append(free, "--auth", open, "testcard:"), 1, []string{"--auth", "open", "chmod 600"}},
		{append(free, "--auth", short, "testcard:"), 1, []string{"--auth", "short:2", "4 fields"}},
		{append(free, "--auth", folder, "testcard:"), 1, []string{"--auth", folder, "not a regular file"}},
		{append(free, "--auth", filepath.Join(folder, "nobody"), "testcard:"), 1, []string{"--auth", "nobody: no such file", "camcast passwd --file"}},
		{[]string{"--allow", ""}, 2, []string{"--allow", "192.168.1.0/24"}},
		{[]string{"--allow", "10.0.0.0/33"}, 2, []string{"--allow", "10.0.0.0/33", "192.168.1.0/24"}},
		{[]string{"--allow", "fe80::1%eth0"}, 2, []string{"--allow", "fe80::1%eth0"}},
		{[]string{"--allow", "rtsp=camera.local"}, 2, []string{"--allow", "camera.local"}},
		{[]string{"--allow", "udp=10.0.0.0/8"}, 2, []string{"--allow", "udp=", "only rtsp=, rtp= and http="}},
		{[]string{"--http", "8080"}, 2, []string{"--http", "8080", "must be an address"}},
		{[]string{"--http", ":8080", "--http-origin", "http://cams.example.org"}, 2, []string{"--http-origin", "must be a host's name"}},
		{[]string{"--http", "off", "--http-origin", "cams.example.org"}, 2, []string{"--http-origin", "add --http ADDRESS"}},
		{[]string{"--webrtc", "maybe"}, 2, []string{"--webrtc", "maybe", "on or off"}},
		{[]string{"--webrtc", ""}, 2, []string{"--webrtc", "on or off"}},
		{[]string{"--webrtc", "on", "--http", "off"}, 2, []string{"--webrtc on", "add --http ADDRESS"}},
		{[]string{"--public-address", "cams.example.org"}, 2, []string{"--public-address", "cams.example.org", "it is no IP address", "203.0.113.7:5004"}},
		{[]string{"--public-address", "203.0.113.7:0"}, 2, []string{"--public-address", "203.0.113.7:0", "its port is not 1 to 65535"}},
		{[]string{"--public-address", "203.0.113.7:65536"}, 2, []string{"--public-address", "65536", "its port is not 1 to 65535"}},
		{[]string{"--public-address", "0.0.0.0"}, 2, []string{"--public-address", "0.0.0.0"}},
		{[]string{"--public-address", "[::]:5004"}, 2, []string{"--public-address", "[::]:5004"}},
		{[]string{"--public-address", "fe80::1%eth0"}, 2, []string{"--public-address", "fe80::1%eth0", "zone"}},
		{[]string{"--public-address", "239.1.2.3"}, 2, []string{"--public-address", "239.1.2.3", "one machine"}},
		{[]string{"--public-address", ""}, 2, []string{"--public-address", "203.0.113.7"}},
		{[]string{"--public-address", "203.0.113.7", "--webrtc", "off"}, 2, []string{"--public-address", "WebRTC, which is off: remove --webrtc off"}},
		{[]string{"--public-address", "203.0.113.7", "--http", "off"}, 2, []string{"--public-address", "WebRTC, which is off: add --http ADDRESS"}},
		{[]string{"--sdp", "x.sdp"}, 2, []string{"--sdp", "--send"}},
		{[]string{"--allow-basic"}, 2, []string{"--allow-basic", "--auth FILE"}},
		{[]string{"--send", "tcp://127.0.0.1:5"}, 2, []string{"--send", "udp://HOST:PORT"}},
		{[]string{"--send", "udp://127.0.0.1:0"}, 2, []string{"--send", "1 to 65534"}},
		{[]string{"--send", "udp://127.0.0.1:5000?ttl=3"}, 2, []string{"--send", "multicast"}},
		{[]string{"--send", "other=udp://127.0.0.1:5000", "testcard:"}, 2, []string{"no stream named other"}},
		{[]string{"a=testcard:", "a=testcard:"}, 2, []string{"stream a already exists"}},
		{append(free, "a/b=testcard:"), 1, []string{"a/b=testcard:"}},
		{[]string{"ä=testcard:"}, 2, []string{"letters"}},
		{[]string{"device"}, 2, []string{"no file, no earlier stream and no command named device", "camcast --help"}},
		{[]string{"low=cam?size=640x360&encode=h264", "cam=testcard:"}, 2, []string{"low=cam", "no earlier stream", "named cam"}},
		{[]string{"testcard:&fps=5"}, 2, []string{"'testcard:?size=640x480&fps=30'"}},
		{[]string{"testcard:?size=640x480?fps=5"}, 2, []string{"one '?'"}},
		{[]string{"http://me:secret@camera/video"}, 2, []string{"http://...", "exec:curl -sN URL"}},
		{[]string{"testcard:?size=640"}, 2, []string{"size=640", "WIDTHxHEIGHT"}},
		{[]string{"testcard:?size=3000x2000"}, 2, []string{"3000x2000", "2040"}},
		{[]string{"testcard:?fps=0"}, 2, []string{"fps=0", "at most 1000"}},
		{[]string{"testcard:?quality=101"}, 2, []string{"quality=101", "1 to 100"}},
		{[]string{"/dev/video0?format=vp8"}, 2, []string{"format=vp8", "auto, mjpeg, h264, h265, yuyv"}},
		{[]string{"/dev/video0?control.gain"}, 2, []string{"control.gain", "control.NAME=VALUE"}},
		{[]string{"testcard:?control.gain=1"}, 2, []string{"control.gain", "size, fps, quality"}},
		{[]string{"devices", "/dev/video0"}, 2, []string{"/dev/video0", "all cameras are listed"}},
		{[]string{"controls"}, 2, []string{"DEVICE", "camcast devices"}},
		{[]string{"controls", "/dev/video0", "gain"}, 2, []string{"gain", "NAME=VALUE"}},
		{[]string{"controls", "/dev/null"}, 1, []string{"/dev/null", "not a video device"}},
		{[]string{"controls", "/dev/video99", "gain=1"}, 1, []string{"/dev/video99", "not found"}},
		{[]string{"testcard:?color=red"}, 2, []string{"color", "size, fps, quality"}},
		{[]string{"-"}, 2, []string{"stdin is no pipe", "PROGRAM | camcast -"}},
		{[]string{"cam=-?size=640x480"}, 2, []string{"size", "format, fps"}},
		{[]string{"exec:"}, 2, []string{"exec:", "there is no command"}},
		{[]string{"exec?format=h264"}, 2, []string{"exec?OPTIONS:COMMAND"}},
		{[]string{"exec?fps=0:secret"}, 2, []string{"exec?fps=0:...", "at most 1000"}},
		{[]string{"exec?format=mp4:secret"}, 2, []string{"format=mp4", "auto, mjpeg, multipart, h264, h265, flv, mpegts"}},
		{[]string{"exec?timeout=0.5:secret"}, 2, []string{"timeout=0.5", "1 to 86400 seconds"}},
		{[]string{"exec?loop=1:secret"}, 2, []string{"loop", "format, fps, timeout"}},
		{[]string{text + "?size=640x480"}, 2, []string{"size", "fps, loop"}},
		{append(free, "/dev/null"), 1, []string{"/dev/null"}},
		{append(free, filepath.Join(folder, "absent.mjpeg")), 1, []string{"absent.mjpeg", "no such file"}},
		{append(free, text), 1, []string{"notes.txt", "not an MJPEG"}},
		{append(free, half), 1, []string{"half.mjpeg", "no whole JPEG"}},
		{append(free, twelve+"?loop=1"), 1, []string{"twelve.jpg", "cannot be sent", "it has 12 bits a sample"}},
		{append(free, twelve), 1, []string{"twelve.jpg", "cannot be sent", "it has 12 bits a sample"}},
		{append(free, large), 1, []string{"pictures of 2600x16 are too large for RTP/JPEG", "?size=", "?encode=h264", "--http"}},
		{[]string{"what?.mjpeg"}, 2, []string{"fps, loop", "what?.mjpeg?"}},
		{append(free, "--send", "udp://239.1.2.3:5000?iface=nowhere0", "testcard:"), 1, []string{"nowhere0"}},
		{append(free, "--send", "udp://127.0.0.1:5000", "--sdp", "/nowhere/x.sdp", "testcard:"), 1, []string{"/nowhere/x.sdp"}},
		{[]string{"--rtsp", taken.Addr().String(), "--rtp", "127.0.0.1:0", "testcard:"}, 1,
			[]string{"address already in use", "port " + portOf(taken.Addr()) + " is in use by " + self, "choose another with --rtsp"}},
		{[]string{"--rtsp", "127.0.0.1:0", "--rtp", takenRTCP, "testcard:"}, 1,
			[]string{"address already in use", "port " + portOf(rtcp.LocalAddr()) + " is in use by " + self, "choose another with --rtp"}},
		{append(free, "--clone", "nowhere0", "testcard:"), 1, []string{"--clone", "nowhere0"}},
		{append(free, "--clone", "lo", "testcard:"), 1, []string{"--clone", "lo", "not an Ethernet interface"}},
		{[]string{"--rtsp", "192.0.2.1:0", "--rtp", "127.0.0.1:0", "testcard:"}, 1, []string{"192.0.2.1", "no such address"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			status, stdout, stderr := runBinary(t, c.args...)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			if strings.Count(stderr, "\n") != 1 || !containsAll(stderr, c.want) {
				t.Errorf("stderr %q, want one line with %q", stderr, c.want)
			}
			if stdout != "" {
				t.Errorf("stdout %q, want nothing", stdout)
			}
		})
	}
}

// largePicture is a JPEG that is too large for RTP.
func largePicture(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 2600, 16)), nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// twelveBits is a JPEG of 12 bits a sample: an extended sequential one, as its samples are of 8.
func twelveBits(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(b.String(), "\xff\xc0\x00\x0b\x08", "\xff\xc1\x00\x0b\x0c", 1)
}

// takeRTCP holds a port, and returns the address before it, whose RTCP would have that port.
func takeRTCP(t *testing.T) (before string, held net.PacketConn) {
	t.Helper()
	for range 100 {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		before = fmt.Sprintf("127.0.0.1:%d", conn.LocalAddr().(*net.UDPAddr).Port-1)
		if free, err := net.ListenPacket("udp", before); err == nil {
			free.Close()
			return before, conn
		}
	}
	t.Fatal("no port whose predecessor is free")
	return "", nil
}

func portOf(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

// ownName is what the test process is called, with its number.
func ownName(t *testing.T) string {
	t.Helper()
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s (pid %d)", strings.TrimSpace(string(name)), os.Getpid())
}

// TestUnknownHolder names a port whose process cannot be seen: it is this one, which would not stop
// itself.
func TestUnknownHolder(t *testing.T) {
	taken, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := uint16(taken.Addr().(*net.TCPAddr).Port)
	want := fmt.Sprintf("port %d is in use by another program, perhaps another camcast: stop it, or choose another with --rtsp", port)
	if got := (portRequest{"--rtsp", "tcp", []uint16{port}}).taken(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	want = "the port is in use by another program, perhaps another camcast: stop it, or choose another with --rtp"
	if got := (portRequest{"--rtp", "udp", []uint16{0}}).taken(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestHelpAndVersion(t *testing.T) {
	status, stdout, stderr := runBinary(t, "--help")
	want := []string{"--rtsp", "--rtsps", "--https", "--tls-cert", "--tls-key", "--rtp", "--max-frame", "--lag", "--max-readers", "--mtu", "--burst", "--spread", "--adapt", "--auth", "--allow", "--allow-basic", "--send", "--sdp", "--log",
		"--log-level", "--version", "camcast devices", "camcast controls DEVICE", "camcast passwd NAME", "camcast certificate", "testcard:", "/dev/video0", "clip.mjpeg", ":8554", ":5004", "(default 5)"}
	if status != 0 || stderr != "" || !containsAll(stdout, want) {
		t.Errorf("status %d, stderr %q, stdout %q", status, stderr, stdout)
	}
	if status, stdout, _ := runBinary(t, "--version"); status != 0 || !strings.HasPrefix(stdout, "camcast ") {
		t.Errorf("status %d, %q", status, stdout)
	}
}

// writeCards writes test cards to a folder of JPEGs, and returns their numbers.
func writeCards(t *testing.T, count int) (folder string, numbers []uint32) {
	t.Helper()
	folder = t.TempDir()
	card, err := testcard.New(testcard.Options{Width: 320, Height: 240, FramesPerSecond: 240})
	if err != nil {
		t.Fatal(err)
	}
	host := capturetest.NewHost(t)
	host.Open(card)
	defer host.Close()
	for len(host.Frames) < count {
		host.RunFor(time.Second / 240)
	}
	for i, frame := range host.Frames {
		picture, err := jpeg.Decode(bytes.NewReader(frame.Bytes))
		if err != nil {
			t.Fatal(err)
		}
		number, _, err := testcard.Read(picture)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, number)
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.jpg", i+1)), frame.Bytes, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder, numbers
}
