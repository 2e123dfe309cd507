package cast

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtsp"
	"golang.org/x/sys/unix"
)

// Broadcaster puts the pictures of some streams before any number of readers, on one
// loop. All its methods belong to the loop's goroutine.
type Broadcaster struct {
	loop    *loop.Loop
	config  Config
	pairs   []*socketPair
	control []*tcp.Listener
	server  *rtsp.Server
	expiry  *loop.Timer
	scratch []byte // replies are built in it
	// receiving is the connection whose requests are being answered.
	receiving *controlConn

	streams []*Stream
	// byControl finds a reader by the address its RTCP comes from.
	byControl controlIndex
	// lateControl: the RTCP that is being read came long ago, maybe.
	lateControl bool
	joiner      *joiner
	neighbours  *neighbours // nil: there is no news of them
	conns       map[*controlConn]struct{}
	readers     int
	// leaving: goodbye was said. gone is set then, for when everybody has hung up.
	leaving, closed bool
	gone            *loop.Timer
}

// New opens the sockets of a Broadcaster on l. Its errors say which address could
// not be had and why.
func New(l *loop.Loop, config Config) (*Broadcaster, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Broadcaster{
		loop: l, config: config,
		byControl: newControlIndex(),
		conns:     map[*controlConn]struct{}{},
	}
	b.joiner = newJoiner(b)
	if config.RTP.IsValid() {
		o := pairOptions{log: config.Log, control: b.controlArrived, muxed: b.muxed, clones: config.Clones}
		if b.pairs, err = openPairs(l, config.RTP, o); err != nil {
			return nil, fmt.Errorf("rtp: %w", err)
		}
	}
	b.watchNeighbours()
	if config.RTSP.IsValid() {
		if err := b.listen(config.RTSP); err != nil {
			return nil, errors.Join(fmt.Errorf("rtsp: %w", err), b.closeControl(), b.closeSockets(), b.closeNeighbours())
		}
	}
	return b, nil
}

// familyMissing reports whether err says that the machine lacks an address family.
func familyMissing(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)
}

// Loop is the loop that the broadcaster runs on.
func (b *Broadcaster) Loop() *loop.Loop { return b.loop }

// RTSPPort is the port that RTSP is answered on, 0 if it is not.
func (b *Broadcaster) RTSPPort() uint16 {
	if len(b.control) == 0 {
		return 0
	}
	return b.control[0].Local().Port()
}

// RTPPort is the port that RTP is sent from, 0 if there is none.
func (b *Broadcaster) RTPPort() uint16 {
	if len(b.pairs) == 0 {
		return 0
	}
	return b.pairs[0].rtp.Local().Port()
}

// AddStream broadcasts the pictures of source as name, which is the path that
// players ask for. The broadcaster owns the source from then on, also when AddStream
// fails.
func (b *Broadcaster) AddStream(name string, source capture.Source, o StreamOptions) (*Stream, error) {
	s, err := b.addStream(name, source, o)
	if err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return s, nil
}

func (b *Broadcaster) addStream(name string, source capture.Source, o StreamOptions) (*Stream, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if b.stream(name) != nil {
		return nil, fmt.Errorf("stream %s: there are two of that name", name)
	}
	s, err := newStream(b, name, source, o)
	if err != nil {
		return nil, err
	}
	if !o.AwaitReader {
		if err := s.source.start(); err != nil {
			s.reports.timer.Stop()
			return nil, fmt.Errorf("stream %s: %w", name, err)
		}
	}
	b.streams = append(b.streams, s)
	if b.config.Adapt == AdaptQuality {
		governQuality(s, source)
	}
	return s, nil
}

// CheckName says what is wrong with a stream's name, if anything: it is to be used in
// a URL as it is.
func CheckName(name string) error {
	if name == "" {
		return errors.New("a stream's name must not be empty")
	}
	for _, c := range name {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
		if !ok {
			return fmt.Errorf("stream name %q: only letters, digits, '-', '_' and '.' may be used", name)
		}
	}
	return nil
}

// Streams are the streams in the order they were added. The slice must not be
// changed.
func (b *Broadcaster) Streams() []*Stream { return b.streams }

// stream finds a stream by its name, nil if there is none.
func (b *Broadcaster) stream(name string) *Stream {
	for _, s := range b.streams {
		if s.name == name {
			return s
		}
	}
	return nil
}

// Readers is how many there are, over all streams, those who pause included.
func (b *Broadcaster) Readers() int { return b.readers }

// Sockets are the counters of the RTP sockets: of both address families, of the addresses
// of this machine that readers have asked, and of the fixed destinations.
func (b *Broadcaster) Sockets() (sum udp.Counters) {
	for _, p := range b.allPairs() {
		for rtp := range p.rtpSockets() {
			sum = sum.Plus(rtp.Counters())
		}
	}
	return sum
}

func (b *Broadcaster) allPairs() []*socketPair {
	pairs := slices.Clone(b.pairs)
	for _, s := range b.streams {
		for _, d := range s.fixed {
			pairs = append(pairs, d.pair)
		}
	}
	return pairs
}

// ControlSockets are those of the RTCP sockets.
func (b *Broadcaster) ControlSockets() (sum udp.Counters) {
	for _, p := range b.allPairs() {
		sum = sum.Plus(p.rtcp.Counters())
	}
	return sum
}

// Leave ends all streams and says goodbye to every reader. Players that hear it hang up
// by themselves, if they are given a moment: gone is called when all have, or when the
// moment is over. Close is due then. To be called once.
func (b *Broadcaster) Leave(gone func()) {
	b.sayGoodbye()
	b.gone = b.loop.NewTimer(gone)
	b.gone.SetAfter(leaveTime)
	if len(b.conns) == 0 {
		b.gone.SetAfter(0)
	}
}

// leaveTime is how long players have to hang up.
const leaveTime = 700 * time.Millisecond

// sayGoodbye ends all streams.
func (b *Broadcaster) sayGoodbye() {
	if b.leaving {
		return
	}
	b.leaving = true
	for _, s := range b.streams {
		s.end("the server is closing")
	}
}

// Close says goodbye to every reader, unless Leave has, ends all sessions and closes
// the sources and sockets. The loop stays the caller's.
func (b *Broadcaster) Close() error {
	if b.closed {
		return nil
	}
	b.sayGoodbye()
	b.closed = true
	b.joiner.timer.Stop()
	if b.gone != nil {
		b.gone.Stop()
	}
	var errs []error
	for _, s := range b.streams {
		errs = append(errs, s.source.source.Close(), s.closeFixed())
	}
	return errors.Join(append(errs, b.closeControl(), b.closeSockets(), b.closeNeighbours())...)
}

func (b *Broadcaster) closeSockets() error {
	var errs []error
	for _, p := range b.pairs {
		errs = append(errs, p.close())
	}
	b.pairs = nil
	return errors.Join(errs...)
}
