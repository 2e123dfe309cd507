package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/camcast/camcast/cast"
)

// addDestinations describes the fixed destinations, and begins to send to them.
func (d *service) addDestinations() error {
	for i, to := range d.settings.destinations {
		if err := d.describe(i, d.streamOf(to)); err != nil {
			return err
		}
	}
	for _, to := range d.settings.destinations {
		if _, err := d.streamOf(to).SendTo(to.Destination); err != nil {
			return err
		}
	}
	return nil
}

// streamOf is the stream that a destination is sent: the one it names, else the first.
func (d *service) streamOf(to destinationSpec) *cast.Stream {
	if s := d.broadcaster.Stream(to.stream); s != nil {
		return s
	}
	return d.broadcaster.Streams()[0]
}

// describe writes the SDP file of destination i, whose stream is s, and notes that it is there. As
// long as it is not known what the stream's source delivers there is nothing to write:
// writeDescriptions does it later.
func (d *service) describe(i int, s *cast.Stream) error {
	if d.settings.sdpFile == "" {
		return nil
	}
	text, err := s.SDPFor(d.settings.destinations[i].Destination)
	if refusal := (*cast.Refusal)(nil); errors.As(err, &refusal) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(sdpFileName(d.settings.sdpFile, i), text, 0o644); err != nil {
		return fmt.Errorf("--sdp: %w", err)
	}
	if d.described == nil {
		d.described = map[int]bool{}
	}
	d.described[i] = true
	return nil
}

// writeDescriptions writes the SDP files of a stream whose source is open: anew, as the device
// may have chosen otherwise than before. What is there for the first time is announced.
func (d *service) writeDescriptions(s *cast.Stream) {
	if d.settled != nil {
		return // addDestinations will do it
	}
	for i, to := range d.settings.destinations {
		if d.streamOf(to) != s {
			continue
		}
		was := d.described[i]
		if err := d.describe(i, s); err != nil {
			d.log.Error("a destination cannot be described", "error", err)
		}
		if d.described[i] && !was {
			text := bytes.NewBufferString("\n" + s.Name() + ":\n")
			announceDescribed(text, to, sdpFileName(d.settings.sdpFile, i))
			_, _ = d.stdout.Write(text.Bytes())
		}
	}
}

// sdpFileName numbers the files from the second on: x.sdp, x-2.sdp.
func sdpFileName(name string, i int) string {
	if i == 0 {
		return name
	}
	extension := filepath.Ext(name)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, extension), i+1, extension)
}
