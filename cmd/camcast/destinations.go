package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/worker"
)

// addDestinations describes the fixed destinations, and begins to send to them.
func (d *service) addDestinations() error {
	for i, to := range d.settings.destinations {
		text, err := d.sdp(i, d.streamOf(to))
		if err == nil && text != nil { // nobody watches yet, so the loop may wait for the file
			err = d.wroteSDP(i, os.WriteFile(sdpFileName(d.settings.sdpFile, i), text, 0o644))
		}
		if err != nil {
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

// sdp is the SDP of destination i, whose stream is s. It is nil if no file is wished, and as long as
// it is not known what the stream's source delivers: writeDescriptions writes it later.
func (d *service) sdp(i int, s *cast.Stream) (text []byte, err error) {
	if d.settings.sdpFile == "" {
		return nil, nil
	}
	text, err = s.SDPFor(d.settings.destinations[i].Destination)
	if errors.As(err, new(*cast.Refusal)) {
		return nil, nil
	}
	return text, err
}

// wroteSDP notes that the SDP file of destination i is there, unless there was an error.
func (d *service) wroteSDP(i int, err error) error {
	if err != nil {
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
		text, err := d.sdp(i, s)
		if err != nil {
			d.log.Error("a destination cannot be described", "error", err)
		}
		if text != nil {
			d.writer(i, s).Add(func(f *sdpFile) { f.text = text })
		}
	}
}

// sdpFile is what is to be written to an SDP file.
type sdpFile struct {
	text []byte
	err  error // the result
}

// writer writes the SDP file of destination i, whose stream is s, beside the loop: viewers watch, and
// a disk may be slow.
func (d *service) writer(i int, s *cast.Stream) *worker.Worker[sdpFile] {
	if w := d.writers[i]; w != nil {
		return w
	}
	name := sdpFileName(d.settings.sdpFile, i)
	write := func(f *sdpFile) { f.err = os.WriteFile(name, f.text, 0o644) }
	w := worker.New(d.broadcaster.Config().Work, write, func(f *sdpFile) {
		was := d.described[i]
		switch err := d.wroteSDP(i, f.err); {
		case err != nil:
			d.log.Error("a destination cannot be described", "error", err)
		case !was:
			text := bytes.NewBufferString("\n" + s.Name() + ":\n")
			announceDescribed(text, d.settings.destinations[i], s, name)
			_, _ = d.stdout.Write(text.Bytes())
		}
	})
	if d.writers == nil {
		d.writers = map[int]*worker.Worker[sdpFile]{}
	}
	d.writers[i] = w
	return w
}

// sdpFileName numbers the files from the second on: x.sdp, x-2.sdp.
func sdpFileName(name string, i int) string {
	if i == 0 {
		return name
	}
	extension := filepath.Ext(name)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, extension), i+1, extension)
}
