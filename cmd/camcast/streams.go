package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/capture/file"
	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/capture/v4l2"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
)

// addStreams opens the sources and broadcasts them.
func addStreams(b *cast.Broadcaster, s *settings, stdout io.Writer, ended func(*cast.Stream)) error {
	if len(s.sources) == 0 {
		return addDefaultStream(b, stdout, ended)
	}
	for _, spec := range s.sources {
		source, err := open(spec, clock(b.Loop()))
		if err != nil {
			return fmt.Errorf("%s: %w", spec.name, err)
		}
		if err := addStream(b, spec, source, ended); err != nil {
			return err
		}
	}
	return nil
}

// encodeOptions are what the environment says of encoding.
func encodeOptions() encode.Options {
	return encode.Options{NoTurboJPEG: os.Getenv("CAMCAST_TURBOJPEG") == "0"}
}

func addStream(b *cast.Broadcaster, spec sourceSpec, source capture.Source, ended func(*cast.Stream)) error {
	transcoder, err := encode.NewTranscoder(encodeOptions())
	if err != nil {
		return errors.Join(err, source.Close())
	}
	_, err = b.AddStream(spec.name, source, cast.StreamOptions{
		Transcoder:  transcoder,
		AwaitReader: spec.kind == fileSource && !spec.loop,
		Ended:       ended,
	})
	return err
}

// addDefaultStream broadcasts the first camera that can be opened, else the test
// card, and says which and why.
func addDefaultStream(b *cast.Broadcaster, stdout io.Writer, ended func(*cast.Stream)) error {
	spec := sourceSpec{name: defaultName(0)}
	why := "there is no camera"
	for _, device := range v4l2.List() {
		source, err := v4l2.Open(v4l2.Options{Path: device.Path}, clock(b.Loop()))
		if err != nil {
			why = err.Error()
			continue
		}
		spec.kind = deviceSource
		fmt.Fprintf(stdout, "No source was named: using %s (%s), the first camera found.\n", device.Path, device.Card)
		return addStream(b, spec, source, ended)
	}
	spec.kind = testcardSource
	source, err := open(spec, clock(b.Loop()))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "No source was named and no camera can be used (%s): using the test card.\n", why)
	return addStream(b, spec, source, ended)
}

// open opens what a SOURCE argument names.
func open(spec sourceSpec, c capture.Clock) (capture.Source, error) {
	switch spec.kind {
	case deviceSource:
		return nilIfFailed(v4l2.Open(v4l2.Options{
			Path: spec.path, Width: spec.width, Height: spec.height,
			FramesPerSecond: spec.fps, Format: spec.format, Quality: spec.quality,
		}, c))
	case testcardSource:
		return nilIfFailed(testcard.Open(spec.testcard(), c))
	case fileSource:
		return nilIfFailed(file.Open(spec.path, file.Options{FramesPerSecond: spec.fps, Loop: spec.loop}, c))
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

// clock tells sources the time.
func clock(l *loop.Loop) capture.Clock {
	k := l.Kernel()
	return capture.Clock{
		Monotonic: func() time.Duration { return k.Monotonic() },
		Wall:      func() time.Time { return k.Wall() },
	}
}
