package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/capture/m2m"
	"github.com/camcast/camcast/capture/recode"
	"github.com/camcast/camcast/cast"
)

// encodingOptions are the options of each kind of source that say how it is encoded.
var encodingOptions = []string{"encode", "bitrate", "keyframe"}

// encoding is how a source's pictures are encoded anew.
type encoding struct {
	isWished    bool          // encode=h264
	bitrate     int           // in bits a second, 0: not given
	keyInterval time.Duration // 0: not given
}

// setEncoding understands an option of encodingOptions.
func (e *encoding) set(key, value string) (err error) {
	switch key {
	case "encode":
		if e.isWished = strings.EqualFold(value, "h264"); !e.isWished {
			err = fmt.Errorf("encode=%s: must be h264", value)
		}
	case "bitrate":
		e.bitrate, err = parseBitrate(value)
	case "keyframe":
		e.keyInterval, err = parseKeyInterval(value)
	}
	return err
}

// parseBitrate understands bits a second: 2M, 500k, 800000.
func parseBitrate(value string) (int, error) {
	digits, unit := value, 1.0
	switch {
	case strings.HasSuffix(value, "M"):
		digits, unit = value[:len(value)-1], 1e6
	case strings.HasSuffix(value, "k"):
		digits, unit = value[:len(value)-1], 1e3
	}
	n, err := strconv.ParseFloat(digits, 64)
	bits := math.Round(n * unit)
	if err != nil || !(bits >= 1 && bits <= math.MaxInt32) {
		return 0, fmt.Errorf("bitrate=%s: must be bits a second, such as 2M or 500k", value)
	}
	return int(bits), nil
}

// parseKeyInterval understands a time: 2s, 500ms, or a number of seconds.
func parseKeyInterval(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if seconds, isNumber := strconv.ParseFloat(value, 64); isNumber == nil && math.Abs(seconds) < 1e6 {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("keyframe=%s: must be the time from one key frame to the next, such as 2s", value)
	}
	return d, nil
}

var errNeedsEncode = errors.New("bitrate and keyframe are of use with encode=h264 alone")

// checkEncoding says what is wrong with the options together.
func (spec *sourceSpec) checkEncoding() error {
	e := spec.encoding
	switch {
	case e.isWished:
		return spec.h264().Check()
	case spec.kind == streamSource:
		return fmt.Errorf("a stream of stream %s is encoded anew: add encode=h264", spec.path)
	case e.bitrate != 0 || e.keyInterval != 0:
		return errNeedsEncode
	}
	return nil
}

// h264 is the spec as the encoder's options. A camera and a test card have the size that is asked for
// already; what is made of another stream is scaled.
func (spec *sourceSpec) h264() encode.H264Options {
	o := encode.H264Options{Bitrate: spec.encoding.bitrate, KeyInterval: spec.encoding.keyInterval, Options: encodeOptions()}
	if spec.kind == streamSource {
		o.Width, o.Height = spec.width, spec.height
	}
	return o
}

// findEncoder finds the device that encodes H.264, once, before the loop has viewers: devices are opened for that.
func (d *service) findEncoder() {
	if !switchedOff("CAMCAST_M2M") {
		d.encoder, _ = m2m.Find(m2m.H264)
	}
}

// encodes gives what makes a source of H.264 of a stream's pictures: by the device, if there is one, until it
// fails.
func (d *service) encodes(spec sourceSpec) func(capture.Source) (capture.Source, error) {
	o := spec.h264()
	o.MaxFrame, o.Device = d.settings.config.MaxFrame, d.encoder
	var failed atomic.Bool
	log := d.log.With("stream", spec.name)
	o.DeviceFailed = func(err error) {
		failed.Store(true)
		log.Warn("OpenH264 encodes from now on, as the encoder device has failed", "device", o.Device.Path, "error", err)
	}
	return func(pictures capture.Source) (capture.Source, error) {
		source := recode.New(pictures, func() (recode.Encoder, error) {
			o := o
			if failed.Load() {
				o.Device = m2m.Device{}
			}
			return encode.NewH264(o)
		})
		if !spec.encoding.isWished { // somebody asks for it while the loop has viewers
			return source, nil
		}
		if err := source.Prepare(); err != nil {
			return nil, errors.Join(err, source.Close())
		}
		return source, nil
	}
}

// encodedLinger is how long a stream of another stream's pictures is encoded without viewers.
const encodedLinger = 5 * time.Second

// addDerived adds a stream that is made of an earlier one's pictures.
func (d *service) addDerived(spec sourceSpec) error {
	source, err := d.encodes(spec)(d.broadcaster.Stream(spec.path).Tap())
	if err != nil {
		return fmt.Errorf("%s: %w", spec.name, err)
	}
	d.open++
	_, err = d.broadcaster.AddStream(spec.name, source, cast.StreamOptions{
		AwaitReader: true, Linger: encodedLinger, StateChanged: d.stateChanged, ParamsChanged: d.writeDescriptions,
	})
	return err
}
