package bench

import (
	"testing"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
)

const (
	framesPerSecond = 30
	packetsPerFrame = model.FrameBytes / model.PacketBytes
)

// broadcast is package cast with readers, in this process, and one frame to send over and
// over.
type broadcast struct {
	model.CastModel
	net   *rig.Rig
	to    *model.Broadcast
	frame *model.Frame
	// units makes frames of H.264, which are sent instead; nil: there is only the one.
	units *model.H264Framer
}

func newBroadcast(tb testing.TB, r *rig.Rig, readers int) *broadcast {
	tb.Helper()
	framer, err := model.NewFramer(model.FrameBytes)
	must(tb, err)
	b := &broadcast{net: r, to: &model.Broadcast{Host: r.Host(), FramesPerSecond: framesPerSecond}}
	b.frame, err = framer.Next()
	must(tb, err)
	for i := range readers {
		b.to.Readers = append(b.to.Readers, r.Reader(i))
	}
	return b
}

func (b *broadcast) start() error { return b.Start(b.to) }

func (b *broadcast) send() error {
	if b.units == nil {
		return b.Send(b.frame)
	}
	frame, err := b.units.Next()
	if err != nil {
		return err
	}
	return b.Send(frame)
}
