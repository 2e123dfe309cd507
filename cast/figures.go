package cast

import (
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/cast/internal/tcpfan"
	"github.com/camcast/camcast/loop/histogram"
)

// Figures counts what a stream has done since it was added.
type Figures struct {
	// Frames were taken from the source, or published.
	Frames uint64
	// Delivered is how many frames were handed to the kernel whole, summed over all
	// readers; Packets and Bytes are what they held (for TCP readers too; by HTTP a frame is one packet).
	Delivered, Packets, Bytes uint64
	// Lags is how many frames readers have missed because they were too far behind,
	// summed over all readers.
	Lags uint64
	// Late is how many frames began to be sent over UDP more than a frame interval after their
	// capture, as the loop was busy or a socket full.
	Late uint64
	// Unreachable is how many sends to single readers the kernel refused.
	Unreachable uint64
	// CutShort is how many frames a TCP reader was in the middle of when they had to
	// be given up, because too many readers stood still in too many frames.
	CutShort uint64
	// Unusable is how many frames the source delivered that were no pictures that
	// can be sent; Transcoded how many had to be re-encoded to be sent, and Skipped how many
	// were not sent because the transcoder was busy with one before.
	Unusable, Transcoded, Skipped uint64
	// GroupsCut is how many groups of pictures were too large to be kept whole, so that new readers
	// could not be caught up.
	GroupsCut uint64
	// Thinned is how many readers are at present sent fewer frames because they report
	// loss. ThinnedMore and ThinnedLess count the halvings and doublings so far.
	Thinned, ThinnedMore, ThinnedLess uint64
	// Resting is how many readers are sent no frames at present, as their machine on the local
	// network does not answer ARP, or says that their port is closed.
	Resting uint64
	// HeldBack is how many WebRTC readers are sent no frames at present, as they report to have received none
	// of those that they were sent last.
	HeldBack uint64
	// Quality is that of the source's JPEG coding, 1 to 100, if AdaptQuality governs it,
	// else 0.
	Quality int
	// Restarts is how often the source was opened again after it had failed or
	// fallen silent; Revived how often its fds were registered again.
	Restarts, Revived uint64
	// FirstAge and LastAge are the ages of frames, from their capture to their being
	// handed to the kernel, for unthinned UDP readers: for the first of all, and for the
	// last one behind each socket.
	FirstAge, LastAge histogram.Histogram
	// FirstAgeTCP and LastAgeTCP are the same for readers over TCP, by RTSP or HTTP: when the first reader's
	// connection had taken the frame, and when all that could be written to had been sent what they take.
	FirstAgeTCP, LastAgeTCP histogram.Histogram
	// EncodedAge is the ages of frames when they came to the stream: what the camera, its driver and the
	// encoder took. LaidOutAge is when they were laid out for all who watch, of those frames that somebody
	// watched.
	EncodedAge, LaidOutAge histogram.Histogram
}

// Backlog is what the kernel holds for readers over TCP that take nothing.
type Backlog struct {
	// Readers is how many readers have taken nothing for a quarter of a second or more, and
	// Bytes what the kernel holds for them.
	Readers, Bytes int
	// Ended is how many were ended as that was more than Config.TCPBacklog.
	Ended uint64
}

// TCPBacklog is that of all streams at present.
func (b *Broadcaster) TCPBacklog() Backlog { return Backlog(b.backlog.Figures()) }

// Figures are the figures so far.
func (s *Stream) Figures() Figures {
	f := s.figures
	s.rendition.eachFigures(func(u *sending.Figures) {
		f.Delivered += u.Delivered
		f.Packets += u.Packets
		f.Bytes += u.Bytes
		f.Lags += u.Lags
		f.Unreachable += u.Unreachable
		f.Thinned += u.Thinned
		f.ThinnedMore += u.ThinnedMore
		f.ThinnedLess += u.ThinnedLess
		f.Resting += u.Resting
		f.HeldBack += u.HeldBack
		f.Late += u.Late
		f.FirstAge.Add(&u.FirstAge)
		f.LastAge.Add(&u.LastAge)
	})
	for _, l := range s.rendition.lanes {
		f.addTCP(&l.tcpFigures)
	}
	f.addTCP(&s.rendition.parts.figures)
	f.addTCP(&s.rendition.movie.figures)
	f.Skipped = s.rendition.transcoding.skipped()
	f.GroupsCut = s.rendition.ring.Cut()
	return f
}

// addTCP adds what one of the outlets of TCP readers has sent.
func (f *Figures) addTCP(t *tcpfan.Figures) {
	f.Delivered += t.Delivered
	f.Packets += t.Packets
	f.Bytes += t.Bytes
	f.Lags += t.Lags
	f.CutShort += t.CutShort
	f.FirstAgeTCP.Add(&t.FirstAge)
	f.LastAgeTCP.Add(&t.LastAge)
}

// Totals is what a stream and its other renditions have done.
type Totals struct {
	// Figures are the stream's. What readers were sent is summed over all renditions; what the source gave, and EncodedAge,
	// is the stream's own.
	Figures
	// Readers is how many are being sent to, as Stream.Readers has them.
	Readers int
	// NotEncoded is how many frames were not encoded, as the encoder was busy with one before.
	NotEncoded uint64
}

// Totals are the figures of the stream and of its other renditions together: of all who watch it by its name.
func (s *Stream) Totals() Totals {
	t := Totals{s.Figures(), s.Readers(), s.SourceFigures().Skipped}
	s.renditions(func(r *Stream) {
		f := r.Figures()
		t.addSent(&f)
		t.Readers += r.Readers()
		t.NotEncoded += r.SourceFigures().Skipped
	})
	return t
}

// addSent adds what another rendition's readers were sent.
func (f *Figures) addSent(of *Figures) {
	f.Delivered += of.Delivered
	f.Packets += of.Packets
	f.Bytes += of.Bytes
	f.Lags += of.Lags
	f.Late += of.Late
	f.Unreachable += of.Unreachable
	f.CutShort += of.CutShort
	f.Skipped += of.Skipped
	f.GroupsCut += of.GroupsCut
	f.Thinned += of.Thinned
	f.ThinnedMore += of.ThinnedMore
	f.ThinnedLess += of.ThinnedLess
	f.Resting += of.Resting
	f.HeldBack += of.HeldBack
	f.FirstAge.Add(&of.FirstAge)
	f.LastAge.Add(&of.LastAge)
	f.FirstAgeTCP.Add(&of.FirstAgeTCP)
	f.LastAgeTCP.Add(&of.LastAgeTCP)
	f.LaidOutAge.Add(&of.LaidOutAge)
}
