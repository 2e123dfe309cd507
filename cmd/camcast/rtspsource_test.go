package main

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// follower is gortsplib's client of a stream, which compares each frame to the camera's.
type follower struct {
	name   string
	client *gortsplib.Client
	frames atomic.Int64
	fault  atomic.Pointer[error] // the first one
	anew   atomic.Bool           // the camera's film may begin anew, once
	ended  chan error
}

// follow plays a stream on the connection.
func follow(t *testing.T, address string, f *footage) *follower {
	t.Helper()
	u, err := base.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	protocol := gortsplib.ProtocolTCP
	k := &follower{name: address, ended: make(chan error, 1)}
	k.client = &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &protocol, ReadTimeout: 30 * time.Second}
	if err := k.client.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.client.Close)
	session, _, err := k.client.Describe(u)
	if err == nil {
		_, err = k.client.Setup(session.BaseURL, session.Medias[0], 0, 0)
	}
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	var decode func(*rtp.Packet) ([][]byte, error)
	switch known := session.Medias[0].Formats[0].(type) {
	case *format.H264:
		d, err := known.CreateDecoder()
		if err != nil {
			t.Fatal(err)
		}
		decode = d.Decode
	case *format.H265:
		d, err := known.CreateDecoder()
		if err != nil {
			t.Fatal(err)
		}
		decode = d.Decode
	case *format.MJPEG:
		d, err := known.CreateDecoder()
		if err != nil {
			t.Fatal(err)
		}
		decode = func(p *rtp.Packet) ([][]byte, error) {
			picture, err := d.Decode(p)
			return [][]byte{picture}, err
		}
	}
	last := -1
	k.client.OnPacketRTPAny(func(_ *description.Media, medium format.Format, packet *rtp.Packet) {
		units, err := decode(packet)
		if err != nil {
			return // more packets are needed
		}
		look := lookOf(units, medium)
		if look == "" { // parameter sets alone
			return
		}
		n := slices.Index(f.looks, look)
		if n != (last+1)%len(f.looks) && last >= 0 && !(n >= 0 && k.anew.CompareAndSwap(true, false)) {
			err := fmt.Errorf("frame %d comes after %d (-1: none of the camera's)", n, last)
			k.fault.CompareAndSwap(nil, &err)
		}
		last = n
		k.frames.Add(1)
	})
	if _, err := k.client.Play(nil); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	go func() { k.ended <- k.client.Wait() }()
	return k
}

// awaitAll waits until so many more frames have come to each follower, and checks them.
func awaitAll(t *testing.T, frames int64, all ...*follower) {
	t.Helper()
	var want []int64
	for _, k := range all {
		want = append(want, k.frames.Load()+frames)
	}
	beat := time.NewTicker(10 * time.Millisecond)
	defer beat.Stop()
	deadline := time.After(30 * time.Second)
	for i, k := range all {
		for k.frames.Load() < want[i] {
			select {
			case <-beat.C:
			case err := <-k.ended:
				t.Fatalf("%s: ended: %v", k.name, err)
			case <-deadline:
				t.Fatalf("%s: %d frames in 30 s", k.name, k.frames.Load())
			}
		}
		if fault := k.fault.Load(); fault != nil {
			t.Errorf("%s: %v", k.name, *fault)
		}
	}
}

// playedURL is a URL that the daemon announces as its own: its sources' begin no line.
var playedURL = regexp.MustCompile(`(?m)^  (rtsp://\S+/)`)

// streamURL is where a stream of the daemon is to be had.
func (d *daemon) streamURL(name string) string {
	return playedURL.FindStringSubmatch(d.stdout)[1] + name
}

// TestRTSPCameras sends on what cameras of another make send, by UDP and TCP, with a password: all of
// it, unchanged.
func TestRTSPCameras(t *testing.T) {
	footages := map[string]*footage{"h264": openFootage(t, "baseline.h264"), "h265": openFootage(t, "baseline.h265"), "jpeg": makePictures(t)}
	var sources []string
	for name, f := range footages {
		c := startForeignCamera(t, f)
		for _, transport := range []string{"udp", "tcp"} {
			sources = append(sources, name+transport+"="+c.url(transport))
		}
	}
	d := startDaemon(t, sources...)
	var followers []*follower
	for name, f := range footages {
		for _, transport := range []string{"udp", "tcp"} {
			followers = append(followers, follow(t, d.streamURL(name+transport), f))
		}
	}
	awaitAll(t, 30, followers...)
	for _, want := range []string{"H.264 by RTP over UDP", "H.265 by RTP over TCP", "JPEG by RTP over UDP"} {
		if !strings.Contains(d.stdout, want) {
			t.Errorf("no %q in:\n%s", want, d.stdout)
		}
	}
}

// TestOwnCameras sends on what another camcast sends, with a password: by UDP, TCP and TLS.
func TestOwnCameras(t *testing.T) {
	t.Parallel()
	made, tls := writeCertificate(t)
	files := map[string]*footage{"cam": openFootage(t, "baseline.h264"), "pictures": makePictures(t)}
	camera := startDaemon(t, append(tls, "--auth", writeUsers(t), "cam="+files["cam"].file+"?loop=1&fps=25", "pictures="+files["pictures"].file+"?loop=1&fps=25")...)
	secure := strings.Replace(camera.secureURL(), "://", "://"+url.UserPassword("anna", annasPassword).String()+"@", 1)
	plain := camera.urlAs("anna", annasPassword)
	d := startDaemon(t, "udp="+plain+"?transport=udp", "tcp="+plain+"?transport=tcp", "any="+plain, "tls="+secure+"?tls-fingerprint="+made.Fingerprint,
		"pictures="+strings.Replace(plain, "/cam", "/pictures", 1))
	followers := []*follower{follow(t, d.streamURL("pictures"), files["pictures"])}
	for _, name := range []string{"udp", "tcp", "any", "tls"} {
		followers = append(followers, follow(t, d.streamURL(name), files["cam"]))
	}
	awaitAll(t, 30, followers...)
}

// TestRTSPCameraComesBack under a hundred readers, two seconds after it has gone: they stay.
func TestRTSPCameraComesBack(t *testing.T) {
	t.Parallel()
	f := openFootage(t, "baseline.h264")
	c := startForeignCamera(t, f)
	d := startDaemon(t, c.url("any"))
	var readers []*follower
	for range 100 {
		readers = append(readers, follow(t, d.streamURL("cam"), f))
	}
	awaitAll(t, 10, readers...)
	for _, k := range readers {
		k.anew.Store(true)
	}
	c.unplug()
	d.awaitLog("source is lost")
	for range 3 { // 0.25 s, 0.5 s and 1 s
		d.awaitLog("source is still not available")
	}
	c.plugIn()
	d.awaitLog("source is open")
	awaitAll(t, 10, readers...)
	for _, k := range readers {
		select {
		case err := <-k.ended:
			t.Errorf("a reader has ended: %v", err)
		default:
		}
	}
}

// TestWrongCameraPassword ends a daemon that has no other source, with a line that does not show it.
func TestWrongCameraPassword(t *testing.T) {
	c := startForeignCamera(t, openFootage(t, "baseline.h264"))
	source := strings.Replace(c.url("tcp"), "s3same", "s3cret", 1)
	status, _, stderr := runBinary(t, "--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", source)
	if status != 1 || !strings.Contains(stderr, "401") || strings.Contains(stderr, "s3cret") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("status %d: %s", status, stderr)
	}
}
