package webrtc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/stun"
	"github.com/camcast/camcast/proto/whep"
)

// Options are the settings of a Server; the zero value is useful.
type Options struct {
	// PublicAddresses are further addresses at which browsers reach the RTP port, as behind NAT or in a container. Port 0
	// stands for the RTP port.
	PublicAddresses []netip.AddrPort
	// MachineAddresses are those of this machine's network interfaces. A browser that asks by a loopback address is told up to
	// four of them, too: Firefox sends nothing to loopback addresses. They are all that is told if the address is not known
	// (cast.Request.Local), as over a Unix socket.
	MachineAddresses []netip.Addr
	// DTLS does the handshakes; nil: what NewDTLS makes.
	DTLS DTLS
}

// Server serves a Broadcaster's streams by WebRTC. Its methods belong to the loop's goroutine.
type Server struct {
	broadcaster *cast.Broadcaster
	loop        *loop.Loop
	options     Options
	dtls        DTLS
	stops       []func() // each ends a HandleDatagrams
	// The viewers, by the end of their session's URL, by the server's user name fragment in STUN, and by the addresses
	// that they have proved.
	byID      map[string]*viewer
	byUfrag   map[string]*viewer
	byAddress map[netip.AddrPort]*viewer

	responder stun.Responder
	answer    []byte // the newest answer to a check
	// checks come from addresses that are not proved yet. checking answers them, and budget bounds the time that this takes.
	checks   checkQueue
	budget   *loop.Budget
	checking *loop.Task
	// handshakes have not begun yet.
	handshakes handshakeQueue
	closed     bool
}

const (
	// checksTime is how long checks from new addresses may take in a turn of the loop, and checksShare their share of all
	// time: enough for some ten thousand in a second.
	checksTime  = 500 * time.Microsecond
	checksShare = 0.1
)

// The first bytes of DTLS, and of RTP and RTCP (RFC 7983).
const (
	firstDTLS, lastDTLS = 20, 63
	firstRTCP, lastRTCP = 128, 191
)

// Serve serves the streams of b by WebRTC at its RTP port, until Close or until b is closed. There is an error if b has no RTP
// port (cast.Config.RTP), or if no certificate can be made for DTLS.
func Serve(b *cast.Broadcaster, o Options) (*Server, error) {
	if b.RTPPort() == 0 {
		return nil, errors.New("webrtc: the broadcaster has no RTP port: cast.Config.RTP must be set")
	}
	s := &Server{
		broadcaster: b, loop: b.Loop(), options: o, dtls: o.DTLS,
		byID: map[string]*viewer{}, byUfrag: map[string]*viewer{}, byAddress: map[netip.AddrPort]*viewer{},
	}
	if s.dtls == nil {
		var err error
		if s.dtls, err = NewDTLS(); err != nil {
			return nil, fmt.Errorf("webrtc: %w", err)
		}
	}
	s.checks.init()
	s.budget = s.loop.NewBudget(checksTime)
	s.budget.LimitShare(checksShare)
	s.checking = s.budget.NewTask(s.answerChecks)
	s.handshakes.init(s.loop)
	s.stops = []func(){
		b.HandleDatagrams(stun.FirstByte, stun.LastByte, s.takeCheck),
		b.HandleDatagrams(firstDTLS, lastDTLS, s.takeDTLS),
		b.HandleDatagrams(firstRTCP, lastRTCP, s.takeRTCP),
	}
	b.Attach(s)
	return s, nil
}

// Close ends all sessions; the viewers are told (RTCP BYE). Closing twice does nothing. The error is always nil.
func (s *Server) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.broadcaster.Detach(s)
	for _, stop := range s.stops {
		stop()
	}
	for _, v := range s.byID {
		v.session.End("shutdown")
	}
	s.handshakes.close()
	s.budget.Close()
	return nil
}

// Open makes a session of a stream for a request that the gate has granted, and answers the offer with an SDP. The first ICE
// candidate in it is the address that the request came to, if that is known, with the RTP port. The viewer is told to hold frames for the
// delay, if its offer has the header extension playout-delay. id is what the session's URL ends with, which nobody can
// guess; etag is the entity tag of its ICE session. The error is a *cast.Refusal or cast.ErrClosed. A session that does not play
// within cast.SetupTimeout ends.
func (s *Server) Open(stream *cast.Stream, r cast.Request, g cast.Grant, o *whep.Offer, delay cast.PlayoutDelay) (id, etag string, answer []byte, err error) {
	if s.closed {
		return "", "", nil, cast.ErrClosed
	}
	private, err := stream.Private()
	if err != nil {
		return "", "", nil, err
	}
	candidates := s.candidates(r.Local.Addr())
	if len(candidates) == 0 {
		return "", "", nil, noCandidate(r.Local.Addr())
	}
	codec := o.Choose(private.ProfileLevelID)
	v := s.newViewer(r.Peer.Addr(), o, codec.PayloadType, delay)
	v.session, err = s.broadcaster.OpenSession(cast.SessionOptions{
		Stream: stream, Protocol: cast.WebRTC, Peer: r.Peer, Grant: g, Secure: r.Secure, EndsByGoodbye: true, Ended: v.ended,
	})
	if err != nil {
		return "", "", nil, err
	}
	s.byID[v.id] = v
	v.nameICE()
	return v.id, v.etag, o.Answer(whep.Answer{
		SessionID: s.sdpSessionID(), Ufrag: v.ufrag, Password: string(v.password), Fingerprint: s.dtls.Fingerprint(), Candidates: candidates,
		Codec: codec, SSRC: private.SSRC, CNAME: private.CNAME,
	}), nil
}

// noCandidate is why a request that came to a local address cannot be answered.
func noCandidate(local netip.Addr) *cast.Refusal {
	fault := "the offer came by IPv6, and RTP has no such address"
	switch {
	case !local.IsValid():
		fault = "the address that the offer came to is not known, as over a Unix socket, and RTP listens on all"
	case local.Unmap().Is4():
		fault = "the offer came by IPv4, and RTP has no such address"
	}
	return &cast.Refusal{Kind: cast.NotCarried, Reason: fault + ": have --rtp listen on one, or name one by --public-address"}
}

// Find finds the session with the id that Open has returned, if it is of this stream and this user, with its entity tag and the
// ICE user name fragment of its viewer. session is nil if there is none.
func (s *Server) Find(stream, id, user string) (session *cast.Session, etag, ufrag string) {
	v := s.byID[id]
	if v == nil || v.session.Stream().Name() != stream || v.session.User() != user {
		return nil, "", ""
	}
	return v.session, v.etag, v.peerUfrag
}

// sdpSessionID is a random number of 63 bits (RFC 9429, section 5.2.1).
func (s *Server) sdpSessionID() uint64 {
	var p [8]byte
	s.broadcaster.Config().Random(p[:])
	return binary.BigEndian.Uint64(p[:]) >> 1
}

// maxMachineAddresses is how many of Options.MachineAddresses a browser is told.
const maxMachineAddresses = 4

// candidates are the addresses of the RTP port, the best one first and none twice: that which the offer was sent to, or that
// which RTP is bound to, and then those of the options. local is the zero address if it is not known.
func (s *Server) candidates(local netip.Addr) (found []netip.AddrPort) {
	add := func(at netip.AddrPort) {
		if !slices.Contains(found, at) {
			found = append(found, at)
		}
	}
	addOwn := func(ip netip.Addr) {
		if port, _, ok := s.broadcaster.RTPPorts(ip); ok {
			add(netip.AddrPortFrom(ip, port))
		}
	}
	local = local.Unmap()
	bound := s.broadcaster.Config().RTP.Addr()
	if !bound.IsUnspecified() {
		local = bound
	}
	addOwn(local)
	if bound.IsUnspecified() && (!local.IsValid() || local.IsLoopback()) {
		most := len(found) + maxMachineAddresses
		for _, ip := range s.options.MachineAddresses {
			if len(found) < most {
				addOwn(ip)
			}
		}
	}
	for _, at := range s.options.PublicAddresses {
		if at.Port() == 0 {
			at = netip.AddrPortFrom(at.Addr(), s.broadcaster.RTPPort())
		}
		add(at)
	}
	return found
}
