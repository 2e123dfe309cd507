package join

import (
	"crypto/sha256"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	protocol "github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtp"
)

// Server lets readers join a Broadcaster's streams.
type Server struct {
	broadcaster *cast.Broadcaster
	cookies     *protocol.Cookies
	stop        func()
	answer      []byte
	listed      []*cast.Stream // scratch
	// valid are the requests with a valid cookie that wait for their turn, and unproved those
	// without one.
	valid, unproved queue
	// budget bounds the time in which they are answered, so that a flood of them takes it neither
	// from the frames nor from the whole machine; task answers them.
	budget *loop.Budget
	task   *loop.Task
	// deciding are the addresses whose request the gate has not answered yet, with what
	// withdraws it. They have proved that they are theirs.
	deciding map[netip.AddrPort]func()
	// nonces are those that sessions were asked for with.
	nonces map[*cast.Session]protocol.Nonce
	closed bool
}

const (
	// answerTime is how long answers may take in a turn of the loop, and answerShare their share of
	// all time.
	answerTime  = time.Millisecond
	answerShare = 0.3
)

// firstRTCP and lastRTCP are the first bytes of RTP and RTCP (RFC 7983). A request is RTCP.
const firstRTCP, lastRTCP = 128, 191

// Serve lets readers join the streams of b at its RTP port, until Close or until b is closed.
func Serve(b *cast.Broadcaster) *Server {
	var secret [32]byte
	b.Config().Random(secret[:])
	s := &Server{
		broadcaster: b, cookies: protocol.NewCookies(secret), deciding: map[netip.AddrPort]func(){},
		nonces: map[*cast.Session]protocol.Nonce{}, answer: make([]byte, 0, protocol.MaxMessageBytes+protocol.MaxNameBytes),
	}
	s.valid.init(sha256.Sum256(append(secret[:], "valid"...)))
	s.unproved.init(sha256.Sum256(append(secret[:], "unproved"...)))
	s.budget = b.Loop().NewBudget(answerTime)
	s.budget.LimitShare(answerShare)
	s.task = s.budget.NewTask(s.answerQueued)
	s.stop = b.HandleDatagrams(firstRTCP, lastRTCP, s.receive)
	b.Attach(s)
	return s
}

// Close answers no more requests, those that the gate has not answered yet included. Readers who
// have joined stay. Closing twice does nothing.
func (s *Server) Close() error {
	s.closed = true
	s.broadcaster.Detach(s)
	s.stop()
	s.budget.Close()
	for _, withdraw := range s.deciding {
		withdraw()
	}
	clear(s.deciding)
	return nil
}

// receive takes a request, which is answered later in the same or the next turns: those with a
// valid cookie first.
func (s *Server) receive(d udp.Datagram) (taken bool) {
	if !protocol.Is(d.Payload) {
		return false
	}
	r, err := protocol.ParseRequest(d.Payload)
	if err != nil {
		return true
	}
	if d.From.Port() < cast.FirstFreePort && !s.broadcaster.Config().LowPorts {
		return true // a service of some system, in whose name somebody may ask: it gets no answer either
	}
	q := &s.unproved
	if s.cookies.Valid(s.broadcaster.Loop().Now(), d.From, &r) {
		q = &s.valid
	}
	q.add(d, &r)
	s.task.Later()
	return true
}

// answerQueued is the task: it answers the requests that wait, as far as the budget goes.
func (s *Server) answerQueued() {
	clock := s.broadcaster.Loop().Kernel()
	for _, q := range []*queue{&s.valid, &s.unproved} {
		for q.size > 0 {
			if s.budget.Spent(clock.Monotonic()) {
				s.task.Later()
				return
			}
			r := q.next()
			s.answerOne(r.from, &r.request, q == &s.valid)
			if s.closed { // by the gate, or a hook of the program
				return
			}
		}
	}
}

// answerOne answers a request. One without a valid cookie gets a cookie, in no more bytes than the
// request had.
func (s *Server) answerOne(d udp.Datagram, r *protocol.Request, valid bool) {
	switch {
	case !valid:
		s.reply(d, protocol.AppendChallenge(s.answer[:0], r, s.cookies.Make(s.broadcaster.Loop().Now(), d.From, r)))
	case r.List && s.broadcaster.Config().Gate == nil:
		s.list(d, r)
	case r.List:
		s.ask(d, r, nil)
	default:
		s.join(d, r)
	}
}

// reply sends an answer. If the socket is full, the reader asks again.
func (s *Server) reply(to udp.Datagram, answer []byte) {
	s.answer = answer
	s.broadcaster.Reply(to, answer)
}

// streams are those that can be joined. The slice holds until the next call.
func (s *Server) streams() []*cast.Stream {
	s.listed = s.listed[:0]
	for _, stream := range s.broadcaster.Streams() {
		if stream.Available() == nil {
			s.listed = append(s.listed, stream)
		}
	}
	return s.listed
}

// list answers a request for the list.
func (s *Server) list(d udp.Datagram, r *protocol.Request) {
	streams := s.streams()
	s.reply(d, protocol.AppendStreams(s.answer[:0], r, len(streams), func(i int) protocol.Stream { return describe(streams[i]) }))
}

// join answers a request to join: with the session that is there already, or with what the
// gate says. With a gate nothing else shows whether there is such a stream.
func (s *Server) join(d udp.Datagram, r *protocol.Request) {
	b := s.broadcaster
	stream := b.Stream(string(r.Stream))
	if streams := b.Streams(); len(r.Stream) == 0 && len(streams) == 1 {
		stream = streams[0]
	}
	before := b.SessionAt(d.From)
	switch {
	case stream == nil && b.Config().Gate == nil:
		s.refuse(d, r, protocol.NoSuchStream)
	case before != nil && before.Protocol() == cast.Join && before.Stream() == stream && !s.isAnew(before, r):
		before.Alive()
		s.accept(d, r, stream)
	default:
		s.ask(d, r, stream)
	}
}

// ask asks the gate, and answers then. The names in the request are the queue's, which uses their
// memory again. A request that the gate cannot be asked about now is dropped: the reader asks
// again.
func (s *Server) ask(d udp.Datagram, r *protocol.Request, stream *cast.Stream) {
	b := s.broadcaster
	if _, asked := s.deciding[d.From]; asked {
		return
	}
	request := *r
	request.Stream, request.User = slices.Clone(r.Stream), slices.Clone(r.User)
	who := cast.Request{Protocol: cast.Join, Peer: d.From, Local: netip.AddrPortFrom(d.To, b.RTPPort()), Action: cast.Watch}
	if r.List {
		who.Action = cast.List
	}
	if stream != nil {
		who.Stream = stream.Name()
	}
	if len(r.User) > 0 {
		who.Credentials = credentials{&request}
	}
	answered := false
	withdraw := b.Admit(who, func(g cast.Grant, err error) {
		answered = true
		delete(s.deciding, d.From)
		if err == nil && !request.List {
			err = s.open(d, &request, stream, g)
		}
		switch {
		case err == nil && request.List:
			s.list(d, &request)
		case err == nil:
			s.accept(d, &request, stream)
		case cast.RefusalOf(err).Kind != cast.Busy:
			s.refuse(d, &request, reasonOf(err))
		}
	})
	if !answered {
		s.deciding[d.From] = withdraw
	}
}

// credentials are a request as the gate wants it. Any goroutine may verify them.
type credentials struct{ request *protocol.Request }

// User is cast.Credentials'.
func (c credentials) User() string { return string(c.request.User) }

// Verify is cast.Credentials'. The cookie was valid when the gate was asked.
func (c credentials) Verify(s cast.Secret) bool { return c.request.Proves(s.JoinKey) }

// reasonOf is an error in the protocol's words.
func reasonOf(err error) protocol.Reason {
	switch cast.RefusalOf(err).Kind {
	case cast.Unauthorized:
		return protocol.Unauthorized
	case cast.NoSuchStream:
		return protocol.NoSuchStream
	case cast.LimitReached:
		return protocol.Full
	case cast.AddressLimitReached:
		return protocol.AddressFull
	case cast.Forbidden, cast.AddressRefused:
		return protocol.Forbidden
	}
	return protocol.Unavailable
}

func (s *Server) refuse(d udp.Datagram, r *protocol.Request, reason protocol.Reason) {
	s.reply(d, protocol.AppendRefusal(s.answer[:0], r, reason))
}

func (s *Server) accept(d udp.Datagram, r *protocol.Request, stream *cast.Stream) {
	accepted := protocol.Acceptance{
		SSRC: stream.SSRC(), Stream: describe(stream), Timeout: s.broadcaster.Config().SessionTimeout, Readers: uint32(stream.Readers()),
	}
	_, accepted.FormatParameters = stream.Format()
	s.reply(d, protocol.AppendAcceptance(s.answer[:0], r, &accepted))
}

// describe describes a stream to a reader that joins.
func describe(s *cast.Stream) protocol.Stream {
	p := s.Params()
	encoding, _ := s.Format()
	return protocol.Stream{
		Name: s.Name(), Width: uint16(p.Width), Height: uint16(p.Height), MilliFPS: uint32(math.Round(1000 * p.FramesPerSecond)),
		PayloadType: s.PayloadType(), ClockHz: rtp.ClockHz, Encoding: encoding,
	}
}
