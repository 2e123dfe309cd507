package cast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast/internal/tcpfan"
	"github.com/camcast/camcast/logqueue"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/srtp"
)

// Broadcaster streams the pictures of some sources to any number of readers, on one
// loop. All its methods belong to the loop's goroutine.
type Broadcaster struct {
	loop   *loop.Loop
	config Config
	pairs  []*socketPair
	fronts []Front

	// streams are all, listed those that are asked for by name: the others are renditions of these.
	streams, listed []*Stream

	sessions registry
	limits   limits
	refusals refusals
	backlog  *tcpfan.Backlog
	logQueue *logqueue.Queue // nil: the log is the program's, and never waits
	coders   *coders         // run the jobs of Config.Code, unless the program does
	// rtcpIndex finds a reader by the address its RTCP comes from, and rtpIndex a session by the
	// one that its RTP goes to, if that is another one.
	rtcpIndex, rtpIndex readerIndex
	// privateIndex finds a session that plays with keys of its own by the reader's address.
	privateIndex map[netip.AddrPort]*Session
	datagrams    []*datagramHandler
	key          []byte // what Key's are made of; nil: none was asked for
	// lateRTCP: the RTCP that is being read may have come long ago.
	lateRTCP   bool
	opened     []byte // the room for RTCP that is opened
	openers    srtp.Openers
	budgets    budgets
	neighbours *neighbours // nil: the kernel does not tell which machines answer
	// farewells are goodbyes that full sockets have not taken yet.
	farewells []*farewell
	// leaving: goodbye was said. gone is set then, and fires when all connections are closed.
	leaving, closed bool
	gone            *loop.Timer
}

// Front serves a Broadcaster's streams by one protocol.
type Front interface {
	// Close ends all that the front has open. Closing twice does nothing.
	Close() error
}

// New opens the RTP sockets of a Broadcaster on l. Its errors say which address could
// not be had and why. Streams are added to it, and fronts opened on it (cast/rtsp, cast/join).
func New(l *loop.Loop, config Config) (*Broadcaster, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Broadcaster{loop: l, config: config, limits: newLimits(), rtcpIndex: newReaderIndex(), rtpIndex: newReaderIndex(), privateIndex: map[netip.AddrPort]*Session{}}
	b.coders = newCoders(l.Post)
	if b.config.Code == nil {
		b.config.Code = b.coders.run
		if b.config.Work != nil {
			b.config.Code = b.config.Work
		}
	}
	if b.config.Work == nil {
		b.config.Work = b.goWork
	}
	b.budgets = newBudgets(l)
	b.queueLog()
	b.sessions.init(b)
	b.refusals.init(b)
	b.backlog = tcpfan.NewBacklog(l, config.TCPBacklog)
	if config.RTP.IsValid() {
		o := pairOptions{
			log: b.config.Log, rtcp: b.rtcpArrived, rtp: b.datagramArrived, rejected: b.rejected, clones: config.Clones, budget: b.budgets.datagrams,
			noSegmentation: config.NoSegmentation, noBatches: config.NoBatches,
		}
		if b.pairs, err = openPairs(l, config.RTP, o); err != nil {
			b.closeLog()
			b.budgets.close()
			return nil, fmt.Errorf("rtp: %w", err)
		}
	}
	b.watchNeighbours()
	return b, nil
}

// queueLog has a goroutine write the log: a terminal may be stopped, a pipe full.
func (b *Broadcaster) queueLog() {
	handler := b.config.Log.Handler()
	if _, ok := handler.(interface{ NeverWaits() }); ok || handler == slog.DiscardHandler {
		return
	}
	b.logQueue = logqueue.New(handler)
	b.config.Log = slog.New(b.logQueue)
}

// closeLog has what is queued written, and does not wait for it.
func (b *Broadcaster) closeLog() {
	if b.logQueue != nil {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		_ = b.logQueue.Close(now) // which says that it has not waited
	}
}

// Loop is the loop that the broadcaster runs on.
func (b *Broadcaster) Loop() *loop.Loop { return b.loop }

// Config is the configuration, its defaults filled in.
func (b *Broadcaster) Config() Config { return b.config }

// RandomName returns a name that nobody can guess, of 32 hexadecimal digits: a session id of a
// protocol.
func (b *Broadcaster) RandomName() string { return b.config.randomName() }

// RTPPort is the port that RTP is sent from, 0 if there is none. RTCP has the next one.
func (b *Broadcaster) RTPPort() uint16 {
	if len(b.pairs) == 0 {
		return 0
	}
	return b.pairs[0].rtp.Local().Port()
}

// Attach has Close close the front, too. A front attaches itself when it is opened, and detaches
// itself when it is closed.
func (b *Broadcaster) Attach(f Front) { b.fronts = append(b.fronts, f) }

// Detach ends what Attach began.
func (b *Broadcaster) Detach(f Front) {
	// A new list: Close may walk the one in use.
	b.fronts = slices.DeleteFunc(slices.Clone(b.fronts), func(other Front) bool { return other == f })
}

// AddStream broadcasts the frames of source as name, which is the path that players ask for.
// With a nil source the program publishes by itself (Stream.Publish). The broadcaster owns the
// source from then on, also when AddStream fails. AddStream does not wait until the source is
// open: StreamOptions.StateChanged is called then.
func (b *Broadcaster) AddStream(name string, source capture.Source, o StreamOptions) (*Stream, error) {
	if err := b.checkNew(name); err != nil {
		if source != nil {
			err = errors.Join(err, source.Close())
		}
		closeTranscoder(o.Transcoder)
		return nil, err
	}
	if o.Encoded && o.Encode != nil && source != nil {
		return b.addEncoded(name, source, o)
	}
	s := newStream(b, name, source, o)
	if source == nil && o.Params != nil {
		if err := s.setParams(o.Params); err != nil {
			s.rendition.stop()
			return nil, fmt.Errorf("stream %s: %w", name, err)
		}
	}
	b.streams, b.listed = append(b.streams, s), append(b.listed, s)
	b.begin(s, source)
	return s, nil
}

// begin opens the source of a new stream, if it has one.
func (b *Broadcaster) begin(s *Stream, source capture.Source) {
	s.reports.start()
	if source == nil {
		return
	}
	if b.config.Adapt == AdaptQuality {
		governQuality(s, source)
	}
	s.supervisor.begin()
}

// checkNew says why there cannot be a new stream of this name.
func (b *Broadcaster) checkNew(name string) error {
	if b.closed || b.leaving {
		return ErrClosed
	}
	if err := CheckName(name); err != nil {
		return err
	}
	if b.Stream(name) != nil {
		return fmt.Errorf("stream %s already exists", name)
	}
	return nil
}

// Streams are the streams in the order they were added. The slice must not be changed.
func (b *Broadcaster) Streams() []*Stream { return b.listed }

// Stream finds a stream by its name, nil if there is none.
func (b *Broadcaster) Stream(name string) *Stream {
	for _, s := range b.listed {
		if s.name == name {
			return s
		}
	}
	return nil
}

// remove takes a stream out of the list.
func (b *Broadcaster) remove(s *Stream) {
	// A new list: the one in use may be walked at this moment.
	isIt := func(other *Stream) bool { return other == s }
	b.streams = slices.DeleteFunc(slices.Clone(b.streams), isIt)
	b.listed = slices.DeleteFunc(slices.Clone(b.listed), isIt)
}

// Readers is how many sessions play, over all streams, fixed destinations not included.
func (b *Broadcaster) Readers() int { return b.limits.readers.total }

// Leaving reports whether Leave or Close was called.
func (b *Broadcaster) Leaving() bool { return b.leaving }

// RTPSockets returns the sum of the counters of the RTP sockets: of both address families, of
// the addresses of this machine that readers have asked, and of the fixed destinations.
func (b *Broadcaster) RTPSockets() (sum udp.Counters) {
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

// RTCPSockets returns the sum of the counters of the RTCP sockets.
func (b *Broadcaster) RTCPSockets() (sum udp.Counters) {
	for _, p := range b.allPairs() {
		sum = sum.Plus(p.rtcp.Counters())
	}
	return sum
}

// Leave ends all streams, says goodbye to every reader, and gives players 0.7 s to hang up by
// themselves. gone is called on the loop when all connections are closed and full sockets have
// taken the goodbyes, or when that time is over: call Close then. The loop must run meanwhile: a
// program whose Run has returned calls it again, with a context that gone cancels. Call Leave only
// once.
func (b *Broadcaster) Leave(gone func()) {
	b.sayGoodbye()
	b.gone = b.loop.NewTimer(func() {
		b.gone = nil // connections that are closed from now on are no news
		gone()
	})
	b.gone.SetAfter(leaveTime)
	b.hungUp()
}

// leaveTime is how long players have to hang up, and full sockets to take a goodbye.
const leaveTime = 700 * time.Millisecond

// hungUp is called when a connection is closed, or a goodbye is said.
func (b *Broadcaster) hungUp() {
	if b.gone != nil && !b.closed && b.limits.connections.total == 0 && len(b.farewells) == 0 {
		b.gone.SetAfter(0)
	}
}

// sayGoodbye ends all streams.
func (b *Broadcaster) sayGoodbye() {
	if b.leaving {
		return
	}
	b.leaving = true
	for _, s := range b.streams {
		s.finish("the server is closing")
	}
}

// Close says goodbye to every reader, unless Leave has, ends all sessions and closes
// the fronts, sources and sockets. The loop stays the caller's.
func (b *Broadcaster) Close() error {
	if b.closed {
		return nil
	}
	b.sayGoodbye()
	b.closed = true
	if b.gone != nil {
		b.gone.Stop()
	}
	var errs []error
	for _, s := range b.streams {
		s.closed = true
		s.endSessions("shutdown")
		errs = append(errs, s.free())
	}
	b.sessions.timer.Stop()
	b.refusals.close()
	b.backlog.Close()
	for _, f := range b.fronts {
		errs = append(errs, f.Close())
	}
	errs = append(errs, b.closeSockets(), b.closeNeighbours())
	b.budgets.close()
	b.coders.close()
	b.closeLog()
	return errors.Join(errs...)
}

func (b *Broadcaster) closeSockets() error {
	var errs []error
	for _, p := range b.pairs {
		b.endFarewells(p)
		errs = append(errs, p.close())
	}
	b.pairs = nil
	return errors.Join(errs...)
}
