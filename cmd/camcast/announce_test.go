package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// TestDestinationsAreAnnounced has two streams, each with a destination: it is announced with its
// stream, and has its own SDP file.
func TestDestinationsAreAnnounced(t *testing.T) {
	file := t.TempDir() + "/x.sdp"
	d := startDaemon(t, "--send", "bench=udp://127.0.0.1:6002", "--send", "udp://127.0.0.1:6000", "--sdp", file,
		"desk=/dev/video77", "bench="+smallCard)
	desk, bench, _ := strings.Cut(d.stdout, "\nbench: ")
	second := strings.TrimSuffix(file, ".sdp") + "-2.sdp"
	if !containsAll(desk, []string{"\ndesk: ", "sent to udp://127.0.0.1:6000 when the source is there; " + second + " is written then"}) ||
		!containsAll(bench, []string{"sent to udp://127.0.0.1:6002, described in " + file + ":"}) {
		t.Errorf("announced:\n%s", d.stdout)
	}
}

// TestPageIsAnnounced has the page be announced to this machine, and to others if they reach it.
func TestPageIsAnnounced(t *testing.T) {
	for want, hosts := range map[string][]string{
		"In a browser: https://127.0.0.1:8443/\n":                                               {"127.0.0.1"},
		"In a browser: https://127.0.0.1:8443/  from other machines: https://192.0.2.2:8443/\n": {"127.0.0.1", "192.0.2.2"},
	} {
		var text strings.Builder
		if announcePage(&text, reach{"https", 8443, hosts}); text.String() != want {
			t.Errorf("%q, want %q", text.String(), want)
		}
	}
}

// lateSource is a camera that is absent until it is plugged in.
type lateSource struct {
	host    capture.Host
	plugged bool
}

func (s *lateSource) Describe() capture.Description {
	return capture.Description{Source: "late", Params: &media.Params{Format: media.JPEG, Width: 64, Height: 48, FramesPerSecond: 10}}
}

func (s *lateSource) Open(h capture.Host) {
	s.host = h
	if s.plugged {
		h.Live()
	} else {
		h.Lost(errors.New("not there"))
	}
}

func (s *lateSource) Figures() capture.Figures { return capture.Figures{} }
func (s *lateSource) Close() error             { return nil }

// lateService is a service with a late source, whose stream is sent to a destination and described in
// a file. untilLive and untilWritten run its loop until the source is live, or the file written.
type lateService struct {
	*service
	source        *lateSource
	file          string
	stdout        bytes.Buffer
	live, written func()
}

func newLateService(t *testing.T) *lateService {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &lateService{source: &lateSource{}, file: t.TempDir() + "/x.sdp", live: func() {}, written: func() {}}
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("127.0.0.1:0"), Work: func(job func() func()) {
		go func() {
			done := job()
			_ = l.Post(func() { // it may be closed
				done()
				s.written()
			})
		}()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	to := destinationSpec{Destination: cast.Destination{Peer: netip.MustParseAddrPort("127.0.0.1:6000")}}
	s.service = &service{
		settings: &settings{sdpFile: s.file, destinations: []destinationSpec{to}}, broadcaster: b, stdout: &s.stdout,
		log: slog.New(slog.DiscardHandler), ctx: t.Context(), stop: func() {},
	}
	if _, err := b.AddStream("desk", s.source, cast.StreamOptions{StateChanged: func(stream *cast.Stream, state cast.State, err error) {
		s.stateChanged(stream, state, err)
		if state == cast.Live {
			s.live()
		}
	}}); err != nil {
		t.Fatal(err)
	}
	if err := s.addDestinations(); err != nil {
		t.Fatal(err)
	}
	return s
}

// runUntil runs the loop until hook, which is the service's, is called.
func (s *lateService) runUntil(t *testing.T, hook *func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	*hook = cancel
	if err := s.broadcaster.Loop().Run(ctx); err != nil {
		t.Fatal(err)
	}
	*hook = func() {}
}

// TestDescribedWhenItIsThere announces the SDP file of an absent camera when it is written, and once.
func TestDescribedWhenItIsThere(t *testing.T) {
	s := newLateService(t)
	s.announce()
	described := "sent to udp://127.0.0.1:6000, described in " + s.file + ":\n"
	if _, err := os.Stat(s.file); err == nil || strings.Contains(s.stdout.String(), described) {
		t.Errorf("the file is there, or announced, before the camera is: %s", s.stdout.String())
	}
	s.source.plugged = true
	s.runUntil(t, &s.written)
	if _, err := os.Stat(s.file); err != nil || strings.Count(s.stdout.String(), "\ndesk:\n  "+described) != 1 {
		t.Errorf("%v; announced: %s", err, s.stdout.String())
	}
	s.source.host.Lost(errors.New("gone"))
	s.runUntil(t, &s.written)
	if n := strings.Count(s.stdout.String(), described); n != 1 {
		t.Errorf("announced %d times", n)
	}
}

// TestSlowSDPFile has writing the SDP file wait, as a network's disk may: the loop does not.
func TestSlowSDPFile(t *testing.T) {
	s := newLateService(t)
	if err := unix.Mkfifo(s.file, 0o600); err != nil { // it waits for its reader
		t.Fatal(err)
	}
	var read []byte
	var err error
	reader := time.AfterFunc(10*time.Second, func() { read, err = os.ReadFile(s.file) })
	s.source.plugged = true
	s.runUntil(t, &s.live)
	if !reader.Stop() {
		t.Fatal("the loop waits until the file is read")
	}
	if read, err = os.ReadFile(s.file); err != nil || !bytes.HasPrefix(read, []byte("v=0")) {
		t.Errorf("%q, %v", read, err)
	}
	s.runUntil(t, &s.written)
	if !s.described[0] {
		t.Error("not noted as written")
	}
}

// TestAnnounceElsewhere prints the addresses for other machines on a line of their own, so that
// the lines above can be copied as they are.
func TestAnnounceElsewhere(t *testing.T) {
	rtsp := reach{scheme: "rtsp", port: 8554, hosts: []string{"127.0.0.1", "192.0.2.1"}}
	join := reach{scheme: "camcast", port: 5004, hosts: []string{"127.0.0.1", "192.0.2.1"}}
	off := reach{scheme: "rtsp", hosts: rtsp.hosts}
	local := reach{scheme: "camcast", port: 5004, hosts: []string{"127.0.0.1"}}
	for want, protocols := range map[string][]reach{
		"  from other machines:  rtsp://192.0.2.1:8554/cam  camcast://192.0.2.1:5004/cam\n": {rtsp, join},
		"  from other machines:  camcast://192.0.2.1:5004/cam\n":                            {off, join},
		"": {off, local},
	} {
		var text strings.Builder
		announceElsewhere(&text, "cam", protocols...)
		if text.String() != want {
			t.Errorf("%q, want %q", text.String(), want)
		}
	}
}
