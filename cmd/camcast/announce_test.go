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

// TestDescribedWhenItIsThere announces the SDP file of an absent camera when it is written, and once.
func TestDescribedWhenItIsThere(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	file := t.TempDir() + "/x.sdp"
	to := destinationSpec{Destination: cast.Destination{Peer: netip.MustParseAddrPort("127.0.0.1:6000")}}
	var stdout bytes.Buffer
	d := &service{
		settings: &settings{sdpFile: file, destinations: []destinationSpec{to}}, broadcaster: b, stdout: &stdout,
		log: slog.New(slog.DiscardHandler), ctx: t.Context(), stop: func() {},
	}
	source, live := &lateSource{}, func() {}
	if _, err := b.AddStream("desk", source, cast.StreamOptions{StateChanged: func(s *cast.Stream, state cast.State, err error) {
		d.stateChanged(s, state, err)
		if state == cast.Live {
			live()
		}
	}}); err != nil {
		t.Fatal(err)
	}
	if err := d.addDestinations(); err != nil {
		t.Fatal(err)
	}
	d.announce()
	described := "sent to udp://127.0.0.1:6000, described in " + file + ":\n"
	if _, err := os.Stat(file); err == nil || strings.Contains(stdout.String(), described) {
		t.Errorf("the file is there, or announced, before the camera is: %s", stdout.String())
	}
	untilLive := func() {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		live = cancel
		if err := l.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
	source.plugged = true
	untilLive()
	if _, err := os.Stat(file); err != nil || strings.Count(stdout.String(), "\ndesk:\n  "+described) != 1 {
		t.Errorf("%v; announced: %s", err, stdout.String())
	}
	source.host.Lost(errors.New("gone"))
	untilLive()
	if n := strings.Count(stdout.String(), described); n != 1 {
		t.Errorf("announced %d times", n)
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
