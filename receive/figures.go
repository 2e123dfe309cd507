package receive

import "time"

// Figures count what has come in a session.
type Figures struct {
	// Frames came whole. FramesLost are those that the network has damaged or lost; FramesSkipped
	// those that the server did not send to this receiver, or that were lost whole.
	Frames, FramesLost, FramesSkipped uint64
	// PacketsLost and PacketsSkipped are the packets that did not come of both.
	Packets, PacketsLost, PacketsSkipped uint64
	// Jitter is that of RFC 3550.
	Jitter time.Duration
}

// Figures are what has come so far.
func (r *Reception) Figures() Figures {
	f := r.buffer.Figures()
	return Figures{
		Frames: f.Frames, FramesLost: f.FramesLost(), FramesSkipped: f.FramesSkipped,
		Packets: r.earlier.Packets + uint64(r.packets.Received()), PacketsLost: f.Lost, PacketsSkipped: f.Skipped,
		Jitter: r.packets.Jitter(),
	}
}
