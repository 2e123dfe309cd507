package cast

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
)

// Stream is one picture source and its readers. Its methods belong to the loop's
// goroutine.
type Stream struct {
	cast        *Broadcaster
	name        string
	source      *source
	description capture.Description
	version     uint64 // of the SDP: it grows when the description changes
	log         *slog.Logger

	picture    jpeg.Image
	transcoder Transcoder
	recoded    []byte
	packetizer *rtp.JPEGPacketizer
	clock      rtp.Clock
	ssrc       uint32
	spread     time.Duration // over which the bursts of a frame are spread
	interval   time.Duration // between frames, as the source says; 0: it does not

	ring        *ring
	groups      []*group // the UDP readers, by socket and level of thinning
	swept       uint64   // see Swept
	trials      []trialEnd
	tcp         []*tcpReader
	turns       []*tcpReader // scratch: tcp, in the order of a frame
	interleaver interleaver
	fixed       []*fixedDestination
	reports     *senderReports

	figures Figures
	// packetsMade and octetsMade are RFC 3550's sender counts: what a reader got who
	// was there from the beginning.
	packetsMade, octetsMade uint64
	// complained remembers what was logged once about unusable frames.
	complained bool
}

// Transcoder makes a JPEG that RTP can carry of one that it cannot (RFC 2435: baseline
// 4:2:0 or 4:2:2 with the standard Huffman tables). It appends to dst.
type Transcoder interface {
	Transcode(dst, picture []byte) ([]byte, error)
}

// StreamOptions are the settings of one stream; the zero value is useful.
type StreamOptions struct {
	// Transcoder is used for pictures that RTP cannot carry as they are. With nil
	// they are dropped and counted.
	Transcoder Transcoder
	// AwaitReader has the source begin only when someone watches: right for a file
	// that is played once.
	AwaitReader bool
	// Ended is called when the source has delivered its last frame, after all readers
	// were told. It may be nil.
	Ended func(*Stream)
}

func newStream(b *Broadcaster, name string, src capture.Source, o StreamOptions) (*Stream, error) {
	s := &Stream{
		cast: b, name: name, transcoder: o.Transcoder,
		description: src.Describe(),
		log:         b.config.Log.With("stream", name),
		ring:        newRing(b.config.Lag),
		ssrc:        b.config.random32(),
		clock:       rtp.NewClock(b.config.random32()),
	}
	if w, h := s.description.Width, s.description.Height; w > rtp.MaxJPEGDimension || h > rtp.MaxJPEGDimension {
		return nil, fmt.Errorf("stream %s: %dx%d is more than RTP/JPEG can carry, which is %d in each direction: choose a smaller size",
			name, w, h, rtp.MaxJPEGDimension)
	}
	var err error
	s.packetizer, err = rtp.NewJPEGPacketizer(rtp.JPEGConfig{
		SSRC: s.ssrc, FirstSequence: uint16(b.config.random32()),
		PacketSize: b.config.MTU - ipv6UDPHeaderBytes, RunPackets: b.config.runPackets(),
	})
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	s.setSpread()
	s.reports = newSenderReports(s)
	s.source = newSource(s, src, o)
	return s, nil
}

// Name is the stream's name: the path under which it is asked for.
func (s *Stream) Name() string { return s.name }

// Describe says what the source delivers.
func (s *Stream) Describe() capture.Description { return s.description }

// Readers is how many are being sent to.
func (s *Stream) Readers() int {
	n := len(s.tcp)
	for _, g := range s.groups {
		n += g.size()
	}
	return n
}

// Figures are the figures so far.
func (s *Stream) Figures() Figures { return s.figures }

// SourceFigures are those of the source.
func (s *Stream) SourceFigures() capture.Figures { return s.source.source.Figures() }

// Publish broadcasts one picture. The stream's own source does so by itself; a
// program that makes pictures in another way calls it on the loop. It returns an
// error if the picture cannot be sent; it is then counted and dropped. picture is not
// used after Publish returns.
func (s *Stream) Publish(picture []byte, captured time.Duration) error {
	err := s.picture.Parse(picture)
	if errors.Is(err, jpeg.ErrReencode) && s.transcoder != nil {
		if s.recoded, err = s.transcoder.Transcode(s.recoded[:0], picture); err == nil {
			s.figures.Transcoded++
			err = s.picture.Parse(s.recoded)
		}
	}
	if err != nil {
		s.figures.Unusable++
		return err
	}
	f := s.ring.vacant()
	f.packets, err = s.packetizer.Packetize(f.buffer[:0], &s.picture, s.clock.At(captured))
	if err != nil {
		s.figures.Unusable++
		return err
	}
	f.buffer, f.captured, f.first = f.packets.Bytes, captured, uint32(s.packetsMade)
	s.ring.publish(f)
	s.figures.Frames++
	s.packetsMade += uint64(f.packets.Count)
	s.octetsMade += uint64(len(f.packets.Bytes) - f.packets.Count*rtp.HeaderBytes)
	s.send()
	if s.figures.Frames == 1 {
		s.reports.greetSoon() // who has waited for it
	}
	return nil
}

// send lets everybody know of the newest frame.
func (s *Stream) send() {
	s.endTrials()
	for _, g := range s.groups {
		g.sweep.newFrame()
	}
	s.sendTCP()
}

// sendTCP has the readers over TCP go on, a different one first each frame. Any of them may
// be lost by it.
func (s *Stream) sendTCP() {
	if len(s.tcp) == 0 {
		return
	}
	first := int(s.figures.Frames % uint64(len(s.tcp)))
	s.turns = append(append(s.turns[:0], s.tcp[first:]...), s.tcp[:first]...)
	for _, r := range s.turns {
		r.newFrame()
	}
	clear(s.turns)
}

// frame is called by the source for each frame.
func (s *Stream) frame(f capture.Frame) {
	if err := s.Publish(f.Data, f.Time); err != nil && !s.complained {
		s.complained = true
		s.log.Warn("frame cannot be sent; further ones are only counted", "sequence", f.Sequence, "error", err)
	}
}

// delivered counts a frame that n readers were sent.
func (s *Stream) delivered(f *frame, n uint64) {
	s.figures.Delivered += n
	s.figures.Packets += n * uint64(f.packets.Count)
	s.figures.Bytes += n * uint64(len(f.packets.Bytes))
}

// lagged counts frames that readers have missed.
func (s *Stream) lagged(frames uint64, readers int) { s.figures.Lags += frames * uint64(readers) }

// addTCP adds a reader that is sent over its RTSP connection, from the next frame on.
func (s *Stream) addTCP(r *tcpReader) {
	r.stream, r.last, r.place = s, s.ring.newest, len(s.tcp)
	s.tcp = append(s.tcp, r)
	s.reports.joined(newcomer{tcp: r})
}

func (s *Stream) removeTCP(r *tcpReader) {
	r.leave()
	last := len(s.tcp) - 1
	s.tcp[r.place] = s.tcp[last]
	s.tcp[r.place].place = r.place
	s.tcp[last] = nil
	s.tcp = s.tcp[:last]
}

// stopSweeps ends sending to the UDP readers.
func (s *Stream) stopSweeps() {
	for _, g := range s.groups {
		g.sweep.stop()
	}
}

// endReaders says goodbye to the stream's readers and ends their sessions.
func (s *Stream) endReaders(reason string) {
	s.stopSweeps()
	s.reports.goodbye(reason)
	s.cast.joiner.endReaders(s)
	if s.cast.server == nil {
		return
	}
	for session := range s.cast.server.Sessions() {
		if r, ok := session.User.(*Reader); ok && r.stream == s {
			r.end("stream ended")
		}
	}
}

// reopened is called when the source was opened anew: the device may have chosen
// otherwise than before.
func (s *Stream) reopened() {
	before := s.sdp()
	s.description = s.source.source.Describe()
	if s.sdp() != before {
		s.version++
	}
	s.setSpread()
}

// setSpread sets over which time the bursts of a frame are spread.
func (s *Stream) setSpread() {
	s.spread, s.interval = 0, 0
	if rate := s.description.FramesPerSecond; rate > 0 {
		s.interval = time.Duration(float64(time.Second) / rate)
		s.spread = time.Duration(s.cast.config.Spread * float64(time.Second) / rate)
	}
}

// end says goodbye to all readers and stops.
func (s *Stream) end(reason string) {
	s.source.ended = true // nobody who joins from now on may begin it again
	s.source.stop()
	s.stopSweeps()
	s.reports.goodbye(reason)
}

// framePackets is how many packets the newest frame has, as those before it had about.
func (s *Stream) framePackets() uint32 {
	if f := s.ring.last(); f != nil {
		return uint32(f.packets.Count)
	}
	return 0
}

// NextSequence is the RTP sequence number of the next frame's first packet.
func (s *Stream) NextSequence() uint16 { return s.packetizer.NextSequence() }

// Swept is how many frames have been handed to the kernel whole for all UDP readers that
// there were, of those who are sent every frame, behind one socket at least.
func (s *Stream) Swept() uint64 { return s.swept }
