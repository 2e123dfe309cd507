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
	// PublicAddresses are further addresses by which browsers may reach the RTP port, as behind NAT or in a container. With
	// port 0 it is the port itself.
	PublicAddresses []netip.AddrPort
	// MachineAddresses are those of this machine's network interfaces. A browser on this machine that asks by a loopback
	// address is told them, too: Firefox sends nothing to loopback addresses.
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
	stops       []func()
	// viewers are found by the name in their URL, by the user name fragment in STUN, and by the addresses that they have
	// proved.
	byName     map[string]*viewer
	byFragment map[string]*viewer
	byAddress  map[netip.AddrPort]*viewer

	responder stun.Responder
	answer    []byte
	// strangers are checks that come from addresses that are not proved yet. budget bounds the time that they take.
	strangers strangers
	budget    *loop.Budget
	checking  *loop.Task
	// hellos are the viewers whose handshake is to begin.
	hellos hellos
	closed bool
}

const (
	// strangersTime is how long checks from new addresses may take in a turn of the loop, and strangersShare their share of
	// all time: some ten thousand in a second.
	strangersTime  = 500 * time.Microsecond
	strangersShare = 0.1
)

// The first bytes of DTLS, and of RTP and RTCP (RFC 7983).
const (
	firstDTLS, lastDTLS = 20, 63
	firstRTCP, lastRTCP = 128, 191
)

// Serve serves the streams of b by WebRTC at its RTP port, until Close or until b is closed. The error says why it cannot.
func Serve(b *cast.Broadcaster, o Options) (*Server, error) {
	if b.RTPPort() == 0 {
		return nil, errors.New("webrtc: there is no RTP over UDP")
	}
	s := &Server{
		broadcaster: b, loop: b.Loop(), options: o, dtls: o.DTLS,
		byName: map[string]*viewer{}, byFragment: map[string]*viewer{}, byAddress: map[netip.AddrPort]*viewer{},
	}
	if s.dtls == nil {
		var err error
		if s.dtls, err = NewDTLS(); err != nil {
			return nil, fmt.Errorf("webrtc: %w", err)
		}
	}
	s.strangers.init()
	s.budget = s.loop.NewBudget(strangersTime)
	s.budget.LimitShare(strangersShare)
	s.checking = s.budget.NewTask(s.checkStrangers)
	s.hellos.init(s)
	s.stops = []func(){
		b.HandleDatagrams(stun.FirstByte, stun.LastByte, s.takeCheck),
		b.HandleDatagrams(firstDTLS, lastDTLS, s.takeDTLS),
		b.HandleDatagrams(firstRTCP, lastRTCP, s.takeRTCP),
	}
	b.Attach(s)
	return s, nil
}

// Close ends all sessions. Closing twice does nothing.
func (s *Server) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.broadcaster.Detach(s)
	for _, stop := range s.stops {
		stop()
	}
	for _, v := range s.byName {
		v.session.End("shutdown")
	}
	s.hellos.close()
	s.budget.Close()
	return nil
}

// Open makes a session of a stream for a request that the gate has granted, and answers the offer in it. The address that the
// request came to is the first candidate. The viewer is told to hold frames for the delay, if its offer has playout-delay. name is what the session's URL ends with, which nobody can guess, and tag stands for its
// ICE session. The error is a *cast.Refusal or cast.ErrClosed. A session that does not play within cast.SetupTimeout ends.
func (s *Server) Open(stream *cast.Stream, r cast.Request, g cast.Grant, o *whep.Offer, delay cast.PlayoutDelay) (name, tag string, answer []byte, err error) {
	if s.closed {
		return "", "", nil, cast.ErrClosed
	}
	private, err := stream.Private()
	if err != nil {
		return "", "", nil, err
	}
	candidates := s.candidates(r.Local.Addr())
	if len(candidates) == 0 {
		return "", "", nil, errNoCandidate
	}
	v := &viewer{
		server: s, host: cast.CountedAs(r.Peer.Addr()), name: s.broadcaster.RandomName(),
		theirs: o.Ufrag, isPeer: o.Fingerprints.Has, payloadType: o.Choose(private.ProfileLevelID).PayloadType, delayID: o.PlayoutDelayID, delay: delay,
	}
	v.session, err = s.broadcaster.OpenSession(cast.SessionOptions{
		Stream: stream, Protocol: cast.WebRTC, Peer: r.Peer, Grant: g, Secure: r.Secure, EndsByGoodbye: true, Ended: v.ended,
	})
	if err != nil {
		return "", "", nil, err
	}
	s.byName[v.name] = v
	v.identify()
	answer, err = o.Answer(whep.Answer{
		SessionID: s.number(), Ufrag: v.ufrag, Password: string(v.password), Fingerprint: s.dtls.Fingerprint(), Candidates: candidates,
		Codec: o.Choose(private.ProfileLevelID), SSRC: private.SSRC, CNAME: private.CNAME,
	})
	if err != nil {
		v.session.Gone("cannot be answered")
		return "", "", nil, err
	}
	return v.name, v.tag, answer, nil
}

var errNoCandidate = &cast.Refusal{Kind: cast.NotCarried, Reason: "RTP has no address of the family that was asked: see --rtp and --public-address"}

// Find finds the session of a user and a stream by the name that Open has given, with its tag and the peer's user name
// fragment; nil if there is none.
func (s *Server) Find(stream, name, user string) (session *cast.Session, tag, ufrag string) {
	v := s.byName[name]
	if v == nil || v.session.Stream().Name() != stream || v.session.User() != user {
		return nil, "", ""
	}
	return v.session, v.tag, v.theirs
}

// number is one for an SDP, of 63 bits.
func (s *Server) number() uint64 {
	var p [8]byte
	s.broadcaster.Config().Random(p[:])
	return binary.BigEndian.Uint64(p[:]) >> 1
}

// maxMachineAddresses is how many of Options.MachineAddresses a browser is told.
const maxMachineAddresses = 4

// candidates are where the RTP port can be reached: by the address that the offer was sent to, or the one that RTP is bound
// to, and then by those of the options.
func (s *Server) candidates(local netip.Addr) (found []netip.AddrPort) {
	b := s.broadcaster
	add := func(at netip.AddrPort) {
		if !slices.Contains(found, at) {
			found = append(found, at)
		}
	}
	addresses := []netip.Addr{local.Unmap()}
	if bound := b.Config().RTP.Addr(); !bound.IsUnspecified() {
		addresses[0] = bound
	} else if local.Unmap().IsLoopback() {
		addresses = append(addresses, s.options.MachineAddresses[:min(maxMachineAddresses, len(s.options.MachineAddresses))]...)
	}
	for _, ip := range addresses {
		if port, _, ok := b.RTPPorts(ip); ok {
			add(netip.AddrPortFrom(ip, port))
		}
	}
	for _, at := range s.options.PublicAddresses {
		if at.Port() == 0 {
			at = netip.AddrPortFrom(at.Addr(), b.RTPPort())
		}
		add(at)
	}
	return found
}
