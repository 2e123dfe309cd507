package cast

import (
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/tcpfan"
	"github.com/camcast/camcast/media"
)

// rendition is one way in which a stream is coded: a ring of frames, their wire forms, and
// the outlets that send these.
type rendition struct {
	stream     *Stream
	ring       *ring.Ring
	rtp        *rtpSender
	form       *ring.Form // the frames as RTP packets
	udp        *fanout.Fanout
	tcp        *tcpfan.Fan
	outlets    []outlet
	udpFigures fanout.Figures
	tcpFigures tcpfan.Figures
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
	b := s.broadcaster
	r := &rendition{stream: s, ring: ring.New(b.config.Lag), rtp: newRTPSender(s)}
	r.form = r.ring.NewForm(r.rtp)
	r.udp = fanout.New(fanout.Config{
		Loop: b.loop, Ring: r.ring, Form: r.form, Log: s.log, Figures: &r.udpFigures,
		Thin: b.config.Adapt != AdaptOff, NextSequence: r.rtp.NextSequence, Owner: s,
	})
	r.tcp = tcpfan.New(tcpfan.Config{Loop: b.loop, Ring: r.ring, Form: r.form, Figures: &r.tcpFigures})
	r.outlets = []outlet{r.udp, r.tcp}
	return r
}

// setPace sets over which time the bursts of a frame are spread.
func (r *rendition) setPace(framesPerSecond float64) {
	if framesPerSecond <= 0 {
		r.udp.SetPace(0, 0)
		return
	}
	interval := time.Duration(float64(time.Second) / framesPerSecond)
	spread := time.Duration(r.stream.broadcaster.config.spread() * float64(time.Second) / framesPerSecond)
	r.udp.SetPace(interval, spread)
}

// publish puts a frame into the ring and has the outlets send it. The error is that of a form
// it cannot be laid out in.
func (r *rendition) publish(f media.Frame) error {
	_, err := r.ring.Publish(f)
	for _, o := range r.outlets {
		o.FrameReady()
	}
	return err
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
}
