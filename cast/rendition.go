package cast

import (
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
)

// rendition is one way in which a stream is coded: a ring of frames, their wire forms, the
// outlets that send these, and the worker that codes frames anew which no form can carry.
type rendition struct {
	stream  *Stream
	ring    *ring.Ring
	rtp     *rtpSender
	plain   *lane
	sealed  *lane // nil: there is no SRTP (Config.SRTP)
	sealing *sealing
	lanes   []*lane
	parts   *parts
	movie   *movie
	private *privateLane
	frames  *frameWaiters
	outlets []outlet

	keys        *keyFrames
	transcoding *transcoding // nil: there is no transcoder
	// isPutting: a frame is laid out because it is new, not because its first reader has come.
	isPutting bool
	// saidCut: it was logged that a group of pictures was too large to be kept.
	saidCut bool
}

// outlet sends the frames of a ring to some of its readers.
type outlet interface {
	// FrameReady is called when the ring has a new frame.
	FrameReady()
	// Readers is how many readers there are.
	Readers() int
	// Stop ends sending for good.
	Stop()
}

func newRendition(s *Stream) *rendition {
	r := &rendition{stream: s, ring: ring.New(s.broadcaster.config.ringLimits()), rtp: newRTPSender(s)}
	r.keys = newKeyFrames(r)
	r.plain = r.newLane(r.ring.NewForm(r.rtp), r.rtp, 0)
	if s.broadcaster.config.SRTP {
		r.sealing = newSealing(s.broadcaster.config, r.plain.form)
		r.sealed = r.newLane(r.ring.NewFormOf(r.plain.form, r.sealing), r.sealing, maxSRTPGap)
	}
	r.parts = newParts(r)
	r.frames = newFrameWaiters(s)
	r.movie = newMovie(r)
	r.private = newPrivateLane(r)
	r.outlets = append(r.outlets, r.parts.fan, r.movie.fan, r.private.fan, r.frames)
	r.transcoding = newTranscoding(r)
	return r
}

// setPace sets over which time the bursts of a frame are spread.
func (r *rendition) setPace(framesPerSecond float64) {
	var interval, spread time.Duration
	if framesPerSecond > 0 {
		interval = time.Duration(float64(time.Second) / framesPerSecond)
		spread = time.Duration(r.stream.broadcaster.config.spread() * float64(time.Second) / framesPerSecond)
	}
	for _, l := range r.lanes {
		l.udp.SetPace(interval, spread)
	}
	r.private.fan.SetPace(interval, spread)
}

// publish has a frame sent: at once, or when it has been transcoded, or when an earlier one has
// been. The error is that of a form it cannot be laid out in.
func (r *rendition) publish(f media.Frame) error {
	if r.transcoding.takes(f) {
		return nil
	}
	return r.put(f)
}

// put puts a frame into the ring and has the outlets send it.
func (r *rendition) put(f media.Frame) error {
	figures, l := &r.stream.figures, r.stream.broadcaster.loop
	figures.EncodedAge.Record(l.Now() - f.Captured)
	r.isPutting = true
	_, err := r.ring.Publish(f)
	r.isPutting = false
	if r.ring.InUse() {
		figures.LaidOutAge.Record(l.Kernel().Monotonic() - f.Captured)
	}
	if f.Key {
		r.keys.came()
	}
	if !r.saidCut && r.ring.Cut() > 0 {
		r.saidCut = true
		r.stream.log.Warn("group of pictures is too large to be kept: a new reader waits for a key frame",
			"most_bytes", maxGroupBytes, "most_seconds", maxGroupTime.Seconds())
	}
	for _, o := range r.outlets {
		o.FrameReady()
	}
	return err
}

// notCarried is called for a frame that must be transcoded. If it came while nobody watched, that is
// done now, for the first reader. Else a Transcoder has made it so, and it is given up.
func (r *rendition) notCarried(f media.Frame) {
	if r.transcoding != nil && !r.isPutting {
		r.transcoding.add(f)
	}
}

func (r *rendition) readers() (n int) {
	for _, o := range r.outlets {
		n += o.Readers()
	}
	return n
}

func (r *rendition) stop() {
	for _, o := range r.outlets {
		o.Stop()
	}
	r.keys.stop()
	r.transcoding.stop()
}
