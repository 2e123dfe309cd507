package cast

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtsp"
)

// Stream is one picture source and its readers. Its methods belong to the loop's
// goroutine. After Close those that can fail return ErrClosed.
type Stream struct {
	broadcaster *Broadcaster
	name        string
	options     StreamOptions
	log         *slog.Logger
	supervisor  *supervisor // nil if the program publishes by itself
	rendition   *rendition
	reports     *senderReports
	fixed       []*fixedDestination
	sessions    []*Session
	waiting     []*waiter
	quality     *qualityControl // nil: the quality is not governed

	// pictures is the stream that this one's frames are made of, and ends with it; encoded that of H.264
	// made of this one's. Both may be nil. isAside: the stream is not listed.
	pictures, encoded *Stream
	isAside           bool
	taps              []*tap
	failure           error // the reason of the last bad state

	// params are those of the newest frame, or those that the source has told; nil: not
	// known. version grows when they change.
	params  *media.Params
	version uint64
	// notByRTP says why frames with these params cannot be sent by RTP, nil: they can.
	notByRTP error

	figures Figures
	// needsKey: frames depend on one that was too large.
	needsKey bool
	// unled: frames that lead to the last key frame depend on one that was too large.
	unled bool
	// saidReordered: it was logged that frames are shown in another order than they come.
	saidReordered bool
	// complained: it was logged that a frame cannot be sent.
	complained bool
	// ended: there will be no more frames. closed: the stream is removed.
	ended, closed bool
}

// StreamOptions are the settings of one stream; the zero value is useful.
type StreamOptions struct {
	// Params are those of the first frames of a stream without a source, so that it can be
	// described before there is one. They may be nil.
	Params *media.Params
	// Transcoder is used for pictures that RTP cannot carry as they are, on a worker. With nil
	// they are dropped and counted. The stream owns it, also when AddStream fails.
	Transcoder Transcoder
	// AwaitReader has the source deliver only from when someone watches: right for a file
	// that is played once. It is opened once before, to learn what it is.
	AwaitReader bool
	// Encode makes a source of H.264 of one of this stream's pictures, which it owns from then on, also
	// when it fails: when Rendition is asked for that, or at once if Encoded is set. nil: the stream has no
	// such rendition.
	Encode func(pictures capture.Source) (capture.Source, error)
	// Encoded has the stream deliver what Encode makes of the source's pictures, while it is watched. The
	// pictures themselves are another rendition. AddStream fails if Encode does.
	Encoded bool
	// Linger is how long a source with AwaitReader goes on without readers before it is
	// closed until the next one comes; 0: it is not closed.
	Linger time.Duration
	// RequestKeyFrame asks a program that publishes by itself for a key frame soon, at most once a
	// second; nil, or an error: none can be had out of turn. A source is asked by
	// capture.KeyFramer instead.
	RequestKeyFrame func() error
	// ParamsChanged is called when the stream's Params, and so its SDP, have changed while it is live.
	// It may be nil.
	ParamsChanged func(s *Stream)
	// StateChanged is called when the source has gone to another state, with the reason of a
	// bad one: Lost, or Ended because it failed. It may be nil.
	StateChanged func(s *Stream, state State, err error)
}

// ErrClosed is returned by what is called on a closed Broadcaster, Stream or Session.
var ErrClosed = errors.New("cast: closed")

func newStream(b *Broadcaster, name string, src capture.Source, o StreamOptions) *Stream {
	s := &Stream{broadcaster: b, name: name, options: o, log: b.config.Log.With("stream", name), version: 1}
	s.rendition = newRendition(s)
	s.reports = newSenderReports(s)
	if src != nil {
		s.supervisor = newSupervisor(s, src)
	}
	return s
}

// Name is the stream's name: the path under which it is asked for.
func (s *Stream) Name() string { return s.name }

// Describe says what the source is and delivers. For a stream without a source that is what
// was published last.
func (s *Stream) Describe() capture.Description {
	d := capture.Description{Params: s.params}
	if s.supervisor != nil {
		d = s.supervisor.source.Describe()
		if s.params != nil {
			d.Params = s.params
		}
	}
	return d
}

// Params are what the stream's frames have in common, nil if that is not known yet.
func (s *Stream) Params() *media.Params { return s.params }

// State is that of the stream's source. A stream without one is Live until it is closed.
func (s *Stream) State() State {
	switch {
	case s.ended || s.closed:
		return Ended
	case s.supervisor == nil:
		return Live
	}
	return s.supervisor.state
}

// Readers is how many are being sent to, those over UDP that rest and fixed destinations included.
func (s *Stream) Readers() int { return s.rendition.readers() }

// Destinations is how many fixed destinations the stream has.
func (s *Stream) Destinations() int { return len(s.fixed) }

// SourceFigures are those of the source.
func (s *Stream) SourceFigures() capture.Figures {
	if s.supervisor == nil {
		return capture.Figures{Frames: s.figures.Frames}
	}
	return s.supervisor.source.Figures()
}

// Publish broadcasts one frame. The stream's source does so by itself; a program that makes
// pictures calls it, on the loop. What was published is copied: neither f.Bytes nor the
// array behind it is used after Publish returns, but f.Params is kept. The error says why the
// frame cannot be sent; it is then counted and dropped. As long as nobody watches, f.Bytes are not
// looked at. A frame that must be transcoded is sent when a worker has done so; that this
// failed is counted, and logged once.
func (s *Stream) Publish(f media.Frame) error {
	if err := s.over(); err != nil {
		return err
	}
	if err := s.setParams(f.Params); err != nil {
		s.figures.Unusable++
		return err
	}
	if err := s.fits(f); err != nil {
		s.figures.Unusable++
		return err
	}
	s.figures.Frames++
	if f.Captured == 0 {
		f.Captured = s.broadcaster.loop.Now()
	}
	f.Key = f.Key || !f.Params.Format.Dependent()
	if f.Decode > 0 && f.Decode < f.Captured && !s.saidReordered {
		s.saidReordered = true
		s.log.Warn("stream has B-frames, which cost latency: have the encoder make none")
		s.endPrivate(reordered)
	}
	for _, t := range s.taps {
		t.frame(f)
	}
	if f.Params.Format == media.I420 || s.over() != nil { // no reader is sent pixels
		return nil
	}
	err := s.rendition.publish(f)
	if err != nil {
		s.figures.Unusable++
	}
	if s.figures.Frames == 1 {
		s.reports.greetSoon() // the readers that came before it
	}
	return err
}

var errNoParams = errors.New("frame without params")

// setParams takes what a frame, or a source that has been opened, says of frames.
func (s *Stream) setParams(p *media.Params) error {
	if p == nil {
		return errNoParams
	}
	if p == s.params {
		return nil
	}
	if err := s.rendition.rtp.use(p); err != nil {
		r := s.rendition.rtp
		if !s.isAside && (!s.broadcaster.config.HTTP || p.Format != media.JPEG || r.payload != nil && r.format != p.Format) {
			return err
		}
		s.notByRTP = err
	} else {
		s.notByRTP = nil
	}
	isFirst := s.params == nil
	changed := !isFirst && !p.Equal(s.params)
	if changed {
		s.version++
	}
	s.params = p
	s.rendition.setPace(p.FramesPerSecond)
	if notify := s.options.ParamsChanged; changed && notify != nil && s.State() == Live {
		notify(s)
	}
	if isFirst && s.supervisor == nil {
		s.tellTaps(nil)
	}
	return s.over() // as the program may have closed it
}

// fits says whether a frame is too large, or depends on one that was.
func (s *Stream) fits(f media.Frame) error {
	isDependent := f.Params.Format.Dependent()
	if n, most := len(f.Bytes), s.broadcaster.config.MaxFrame; n > most {
		s.needsKey = s.needsKey || isDependent && !f.Disposable
		return fmt.Errorf("frame of %d bytes: larger than a frame may be, %d (--max-frame)", n, most)
	}
	if isDependent && (s.needsKey && !f.Key || s.unled && f.Leading) {
		return errNeedsKey
	}
	if f.Key {
		s.unled = s.needsKey
	}
	s.needsKey = false
	return nil
}

var errNeedsKey = errors.New("frame that depends on one that was too large")

// frame is called by the source for each frame.
func (s *Stream) frame(f media.Frame) {
	if err := s.Publish(f); err != nil {
		s.complain(err)
	}
}

// complain logs the first frame that cannot be sent.
func (s *Stream) complain(err error) {
	if !s.complained {
		s.complained = true
		s.log.Warn("frame cannot be sent; further ones are only counted", "frame", s.figures.Frames, "error", err)
	}
}

// over says that the stream has ended or is closed.
func (s *Stream) over() error {
	if s.closed || s.ended || s.broadcaster.leaving {
		return ErrClosed
	}
	return nil
}

// wanted is called when somebody begins to watch, unwanted when somebody has left.
func (s *Stream) wanted() {
	if s.supervisor != nil {
		s.supervisor.wanted()
	}
}

func (s *Stream) unwanted() {
	if s.supervisor != nil && !s.isWatched() {
		s.supervisor.unwanted()
	}
}

// finish says goodbye to the stream's readers, as there will be no more frames.
func (s *Stream) finish(reason string) {
	if s.ended {
		return
	}
	s.ended = true // a reader that joins from now on must not begin it again
	if s.supervisor != nil {
		s.supervisor.close()
	}
	s.opened()
	s.tellTaps(s.failure)
	s.renditions(func(r *Stream) { r.finish(reason) })
	s.rendition.stop()
	s.reports.goodbye(reason)
	if s.quality != nil {
		s.quality.timer.Stop()
	}
}

// endSessions ends all sessions of the stream.
func (s *Stream) endSessions(reason string) {
	for session := range s.Sessions() {
		session.end(reason)
	}
}

// Close removes the stream: its readers are told goodbye and leave, its sessions end, its source
// is closed, and its name is free for another. It returns what failed to close, or ErrClosed if
// the stream is closed already.
func (s *Stream) Close() error {
	if s.closed {
		return ErrClosed
	}
	s.failure = nil
	s.finish("the stream was removed")
	s.closed = true
	s.endSessions("stream removed")
	s.broadcaster.remove(s)
	err := s.free()
	s.renditions(func(r *Stream) { err = errors.Join(err, r.Close()) })
	return err
}

// free closes what the stream has opened, and has the readers leave that the program has added.
func (s *Stream) free() error {
	s.rendition.eachUDP(s.leave)
	var errs []error
	if s.supervisor != nil {
		errs = append(errs, s.supervisor.err)
	}
	for len(s.fixed) > 0 {
		errs = append(errs, s.closeFixed(s.fixed[0]))
	}
	return errors.Join(errs...)
}

// NextSequence is the RTP sequence number of the next frame's first packet.
func (s *Stream) NextSequence() uint16 { return s.rendition.rtp.NextSequence() }

// RTPTime is the stream's RTP timestamp at a time on CLOCK_MONOTONIC.
func (s *Stream) RTPTime(at time.Duration) uint32 { return s.rendition.rtp.clock.At(at) }

// SSRC identifies the stream's RTP packets.
func (s *Stream) SSRC() uint32 { return s.rendition.rtp.ssrc }

// PayloadType is that of the stream's RTP packets. ClockHz of package proto/rtp is the rate of
// their timestamps.
func (s *Stream) PayloadType() uint8 { return s.rendition.rtp.payloadType() }

// Format is the payload format of the stream's RTP packets and its parameters, as an SDP has them:
// "H264" and what follows "a=fmtp:96 ". Both are empty where the payload type says all, as for JPEG,
// and as long as nothing is known.
func (s *Stream) Format() (encoding, parameters string) {
	if s.rendition.rtp.payload == nil || s.params == nil {
		return "", ""
	}
	d := s.rendition.rtp.describe()
	if d.PayloadType < payloadTypeNAL {
		return "", ""
	}
	encoding, _, _ = strings.Cut(d.Encoding, "/")
	return encoding, d.FormatParameters
}

// SDP is the stream's description for a player. The error is ErrClosed, or a *Refusal if the
// stream cannot be described yet.
func (s *Stream) SDP() (rtsp.Description, error) {
	if err := s.Available(); err != nil {
		return rtsp.Description{}, err
	}
	if s.notByRTP != nil {
		return rtsp.Description{}, refuse(Forbidden, "%v", s.notByRTP)
	}
	p := s.params
	d := s.rendition.rtp.describe()
	d.Path, d.Name, d.SessionID, d.Version = s.name, s.name, uint64(s.rendition.rtp.ssrc), s.version
	d.Width, d.Height, d.FrameRate = p.Width, p.Height, p.FramesPerSecond
	return d, nil
}

// Swept is how many frames have been handed to the kernel whole for all UDP readers that get
// every frame, behind one socket at least.
func (s *Stream) Swept() (frames uint64) {
	s.rendition.eachFigures(func(f *sending.Figures) { frames += f.Swept })
	return frames
}
