package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/capture/file"
	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/capture/v4l2"
	"github.com/camcast/camcast/cast"
)

// addStreams adds the streams that are asked for, and opens their sources. The error is that of
// a source that cannot be opened as it was asked to be; one that is not there yet is waited for.
func (d *service) addStreams() error {
	d.findEncoder()
	if len(d.settings.sources) == 0 {
		return d.addDefaultStream(v4l2.List())
	}
	for _, spec := range d.settings.sources {
		if spec.kind == streamSource {
			if err := d.addDerived(spec); err != nil {
				return err
			}
			continue
		}
		source, err := d.newSource(spec)
		if err != nil {
			return fmt.Errorf("%s: %w", spec.name, err)
		}
		if _, err := d.addStream(spec, source); err != nil {
			return err
		}
	}
	return d.settle()
}

func (d *service) addStream(spec sourceSpec, source capture.Source) (*cast.Stream, error) {
	transcoder, err := encode.NewTranscoder(encodeOptions())
	if err != nil {
		return nil, err
	}
	delete(d.cameras, spec.name)
	if spec.kind == deviceSource {
		if d.cameras == nil {
			d.cameras = map[string]string{}
		}
		d.cameras[spec.name] = spec.path
	}
	d.open++
	if spec.kind == rtspSource || spec.isProgram() {
		d.others = append(d.others, spec.name)
	}
	return d.broadcaster.AddStream(spec.name, source, cast.StreamOptions{
		Transcoder: transcoder, Encode: d.encodes(spec), Encoded: spec.encoding.isWished,
		AwaitReader:  spec.kind == fileSource && !spec.loop,
		StateChanged: d.stateChanged, ParamsChanged: d.writeDescriptions,
	})
}

// stateChanged is called when a stream's source has gone to another state.
func (d *service) stateChanged(s *cast.Stream, state cast.State, err error) {
	switch state {
	case cast.Live:
		d.writeDescriptions(s)
	case cast.Lost:
		d.absent = err
	case cast.Ended:
		if err != nil {
			d.absent, d.failed = err, fmt.Errorf("%s: %w", s.Name(), err)
		}
		if d.open--; d.open == 0 {
			d.stop()
		} else if err != nil && d.settled == nil {
			d.log.Error("source has failed", "stream", s.Name(), "error", err)
		}
	}
	if d.settled != nil {
		d.settled()
	}
}

// patience is how long the start waits for what another program or machine decides: a program's first frame, a
// camera on the network.
const patience = 3 * time.Second

// settle turns the loop until it is known of each source whether it can be opened. Sources that other
// programs and machines are may take longer.
func (d *service) settle() error {
	ctx, settled := context.WithCancel(d.ctx)
	defer settled()
	isLate := false
	d.settled = func() {
		for _, s := range d.broadcaster.Streams() {
			if s.State() == cast.Opening && !(isLate && slices.Contains(d.others, s.Name())) {
				return
			}
		}
		settled()
	}
	late := d.broadcaster.Loop().NewTimer(func() {
		isLate = true
		d.settled()
	})
	late.SetAfter(patience)
	defer late.Stop()
	defer func() { d.settled = nil }()
	d.settled()
	if err := d.broadcaster.Loop().Run(ctx); err != nil {
		return err
	}
	return d.failed
}

// addDefaultStream broadcasts the first of the cameras that can be opened, else the test
// card, and says which and why.
func (d *service) addDefaultStream(cameras []v4l2.Device) error {
	spec := sourceSpec{name: defaultName(0)}
	why := "there is no camera"
	for _, device := range cameras {
		spec.kind, spec.path = deviceSource, device.Path
		s, err := d.tryDefault(spec)
		if err != nil {
			return err
		}
		if s.State() == cast.Live {
			fmt.Fprintf(d.stdout, "No source was named: using %s (%s), the first camera found.\n", device.Path, device.Card)
			return nil
		}
		if why = device.Path + " cannot be opened"; d.absent != nil {
			why = d.absent.Error()
		}
		d.failed, d.absent = nil, nil
		if s.State() != cast.Ended {
			d.open-- // nobody is told that it has ended
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	spec.kind, spec.path = testcardSource, ""
	if _, err := d.tryDefault(spec); err != nil {
		return err
	}
	fmt.Fprintf(d.stdout, "No source was named and no camera can be used (%s): using the test card.\n", why)
	return d.failed
}

// tryDefault adds a stream and waits until it is known whether its source can be opened. The
// daemon goes on if it cannot.
func (d *service) tryDefault(spec sourceSpec) (*cast.Stream, error) {
	source, err := d.newSource(spec)
	if err != nil {
		return nil, err
	}
	s, err := d.addStream(spec, source)
	if err != nil {
		return nil, err
	}
	d.open++ // so that its end does not end the daemon
	err = d.settle()
	d.open--
	if d.failed != nil {
		err = nil
	}
	return s, err
}

// newSource makes the source that a SOURCE argument names.
func (d *service) newSource(spec sourceSpec) (capture.Source, error) {
	switch spec.kind {
	case deviceSource:
		return nilIfFailed(v4l2.New(v4l2.Options{
			Path: spec.path, Width: spec.width, Height: spec.height,
			FramesPerSecond: spec.fps, Format: spec.format, Quality: spec.quality, Encode: encodeOptions(),
			Controls: spec.controls, Pixels: spec.encoding.isWished, MaxFrame: d.settings.config.MaxFrame, Log: d.log.With("stream", spec.name),
		}))
	case testcardSource:
		return nilIfFailed(testcard.New(spec.testcard()))
	case rtspSource:
		return d.newCamera(spec)
	case fileSource:
		check := checkPicture
		if spec.encoding.isWished { // the encoder takes more
			check = nil
		}
		return nilIfFailed(file.New(file.Options{
			Path: spec.path, FramesPerSecond: spec.fps, Loop: spec.loop,
			MaxFrame: d.settings.config.MaxFrame, Check: check, Log: d.log.With("stream", spec.name),
		}))
	}
	if spec.kind == rtspSource || spec.isProgram() {
		return d.newProgramSource(spec)
	}
	return nil, errors.New("unknown kind of source")
}

// nilIfFailed keeps a nil pointer from becoming an interface that is not nil.
func nilIfFailed[S capture.Source](source S, err error) (capture.Source, error) {
	if err != nil {
		return nil, err
	}
	return source, nil
}

// encodeOptions are what the environment says of encoding.
func encodeOptions() encode.Options {
	return encode.Options{NoTurboJPEG: switchedOff("CAMCAST_TURBOJPEG")}
}

// switchedOff reports whether an environment variable switches something off.
func switchedOff(variable string) bool { return os.Getenv(variable) == "0" }
