package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/rtsp/client"
	"github.com/camcast/camcast/receive"
	"github.com/camcast/camcast/tlsbridge"
	"github.com/camcast/camcast/view"
)

const (
	// answerTime is how long a server may take until it sends packets. A single RTSP answer
	// may take 10 s: proto/rtsp/client has that limit.
	answerTime = 15 * time.Second
	// silentTime is how long it may send nothing then.
	silentTime = 10 * time.Second
	// udpTime is how long nothing may come by UDP until TCP is tried.
	udpTime = 3 * time.Second
	// The first wait before a server that was lost is asked again, and the longest.
	minBackoff = 500 * time.Millisecond
	maxBackoff = 5 * time.Second
)

var (
	errNoAnswer = errors.New("the server does not answer")
	errSilent   = errors.New("the server sends nothing")
	errGoodbye  = errors.New("the server said goodbye")
)

// reader watches a stream, again and again if the server is lost.
type reader struct {
	viewer *viewer
	number int
	cname  string // RFC 7022: as good as unique, and of no meaning

	// The session there is, if any, and what comes in it.
	session      receive.Session
	reception    *receive.Reception
	state        readerState
	fallBack     bool          // to TCP, if UDP brings nothing
	lastReceived time.Duration // by Loop.Awake
	strays       uint64        // packets that are no RTP, where RTP should come
	blindness    *blindness

	watchdog *loop.Timer // what is waited for has not come
	backoff  time.Duration
	// What was found out about the server: its addresses, which of them is tried, and
	// that only TCP comes through.
	addresses []netip.Addr
	attempt   int
	onlyTCP   bool

	before figures  // of the sessions that are over
	final  *figures // once nothing counts any more
	frames uint64   // of all sessions
	over   bool     // it has all it wants, or will not get it
	left   func()   // set while it leaves
}

type readerState uint8

const (
	idle       readerState = iota
	connecting             // until the server answers
	answered               // until it sends
	playing
	retrying // waits until it tries again
)

func newReader(v *viewer, number int) *reader {
	r := &reader{viewer: v, number: number, cname: rand.Text(), backoff: minBackoff}
	// By UDP pictures would not be encrypted.
	r.onlyTCP = v.settings.transport == onlyTCP || v.settings.address.scheme == rtspsScheme
	r.watchdog, r.blindness = v.loop.NewAwakeTimer(r.expired), newBlindness(r)
	return r
}

// connect begins a session.
func (r *reader) connect() {
	r.state = connecting
	r.watchdog.SetAfter(answerTime)
	r.viewer.resolver.resolve(func(found []netip.Addr, err error) {
		if r.left != nil || r.over || r.state != connecting {
			return
		}
		if err == nil {
			r.addresses = found
			err = r.open(netip.AddrPortFrom(found[r.attempt%len(found)], r.viewer.settings.address.port))
		}
		if err != nil {
			r.lost(err)
		}
	})
}

// open opens a session with the server at an address.
func (r *reader) open(server netip.AddrPort) error {
	ssrc := mathrand.Uint32()
	var s receive.Session
	var err error
	if r.viewer.settings.address.scheme == joinScheme {
		s, err = openJoin(r.viewer, server, ssrc, r)
	} else {
		s, err = receive.OpenRTSP(r.viewer.loop, server, r.rtsp(), r)
	}
	if err != nil {
		return err
	}
	r.session = s
	r.reception = receive.NewReception(r.viewer.loop, s, receive.ReceptionConfig{
		SSRC: ssrc, CNAME: r.cname, Buffer: view.NewBuffer(r.viewer.settings.buffer), Picture: r.picture, Random: mathrand.Float64,
	})
	return nil
}

// rtsp is how an RTSP session is opened.
func (r *reader) rtsp() receive.RTSPConfig {
	v := r.viewer
	c := receive.RTSPConfig{
		URL: v.settings.address.url, UserAgent: commandline.Version("camview"),
		OnlyTCP: r.onlyTCP, FallBack: v.settings.transport == anyTransport, Room: v.room,
		AllowBasic: v.settings.basic || v.tls != nil && !v.settings.trust.Insecure,
	}
	if v.tls != nil {
		c.Dial = func(ctx context.Context, server netip.AddrPort, done func(tlsbridge.Dialled, error)) {
			dialTLS(ctx, v.loop, server, v.tls, done)
		}
	}
	return c
}

// Started is a receive.Listener's: the server says that it sends from now on.
func (r *reader) Started(s receive.Start) {
	r.before.roundTrip = s.RoundTrip
	r.reception.Started(s)
	if r.state != connecting { // it sends already
		return
	}
	r.state = answered
	r.watchdog.SetAfter(answerTime)
	if r.fallBack = s.FallBack; s.FallBack {
		r.watchdog.SetAfter(udpTime)
	}
}

// RTP is a receive.Listener's: a packet has come.
func (r *reader) RTP(packet []byte) {
	if !receive.IsRTP(packet) {
		r.strays++
		return
	}
	r.lastReceived = r.viewer.loop.Awake()
	r.blindness.packet(r.lastReceived)
	r.reception.RTP(packet)
	if r.state != playing {
		r.state = playing
		r.watchdog.SetAfter(silentTime)
		r.viewer.found(r)
	}
}

// RTCP is a receive.Listener's: a report has come.
func (r *reader) RTCP(packet []byte) {
	leaving, ok := r.reception.RTCP(packet)
	if ok {
		r.lastReceived = r.viewer.loop.Awake() // the server is there, even if the camera is not
	}
	if leaving {
		r.hangUp(errGoodbye)
	}
}

// picture takes a picture when it is due.
func (r *reader) picture(frame view.Frame, taken time.Time, known bool) {
	if r.over {
		return
	}
	r.frames++
	r.blindness.picture()
	if r.backoff = minBackoff; known {
		r.viewer.aged(r.viewer.loop.Kernel().Wall().Sub(taken))
	}
	if r.viewer.presenter.show(frame) {
		r.reception.AskForKey()
	}
	if n := r.viewer.settings.frames; n > 0 && r.frames >= uint64(n) {
		r.finish()
	}
}

// finish: the reader has all it wants, or will not get it.
func (r *reader) finish() {
	if !r.over {
		r.over = true
		r.settle()
		r.viewer.readerDone()
	}
}

// settle has nothing count that comes from now on.
func (r *reader) settle() {
	if r.final == nil {
		f := r.figures()
		r.final = &f
	}
}

// Ended is a receive.Listener's: the session is over.
func (r *reader) Ended(err error) {
	r.flush()
	r.forget()
	switch {
	case r.left != nil:
		r.left()
	case err == nil:
		r.lost(errGoodbye)
	case errors.Is(err, client.ErrClearText):
		r.lost(fmt.Errorf("%w: use rtsps:// and a certificate that is trusted, or --allow-basic where nobody can listen", err))
	default:
		r.lost(err)
	}
}

// expired is called when what was waited for has not come, or is due.
func (r *reader) expired() {
	silent := r.viewer.loop.Awake() - r.lastReceived
	switch {
	case r.state == retrying:
		r.connect()
	case r.state == playing && silent < silentTime:
		r.watchdog.SetAfter(silentTime - silent)
	case r.state == playing:
		r.hangUp(r.silence())
	case r.fallBack:
		r.onlyTCP = true
		r.close()
		r.connect()
	case r.state == answered:
		r.hangUp(r.silence())
	default:
		r.hangUp(errNoAnswer)
	}
}

// hangUp ends a session that is of no use.
func (r *reader) hangUp(err error) {
	r.flush()
	r.close()
	r.lost(err)
}

// lost decides what to do without a server. A reader that has had pictures connects again;
// one that has not tries the host's next address, and then gives up.
func (r *reader) lost(err error) {
	r.watchdog.Stop()
	r.state = idle
	r.attempt++
	switch {
	case r.left != nil: // it was about to go
		r.left()
	case r.over:
	case r.frames > 0:
		r.state = retrying
		r.watchdog.SetAfter(r.backoff)
		r.viewer.lost(r, fmt.Errorf("%w; trying again in %v", err, r.backoff))
		r.backoff = min(2*r.backoff, maxBackoff)
	case r.attempt < len(r.addresses):
		r.connect()
	default:
		r.viewer.refused(r, err)
		r.finish()
	}
}

// flush takes the pictures that have come but are not due yet, before a session that is over is
// forgotten: without it a clip would lack its last pictures. A reader that leaves by itself wants
// none.
func (r *reader) flush() {
	if r.left == nil && r.reception != nil {
		r.reception.Flush()
	}
}

// leave says goodbye. left is called when the server has received it, or cannot.
func (r *reader) leave(left func()) {
	r.left = left
	r.watchdog.Stop()
	if r.session == nil {
		left()
		return
	}
	_, byGoodbye := r.session.(*joinSession)
	r.reception.Leave(byGoodbye, r.session.Leave)
}

// close ends the session at once.
func (r *reader) close() {
	r.watchdog.Stop()
	if r.session != nil {
		r.session.Close()
		r.forget()
	}
}

// forget forgets a session that is over, but what it has brought.
func (r *reader) forget() {
	r.before = r.figures()
	r.reception.Stop()
	r.blindness.reset()
	r.session, r.reception, r.fallBack, r.strays = nil, nil, false, 0
}

// figures are what all sessions have brought so far.
func (r *reader) figures() figures {
	if r.final != nil {
		return *r.final
	}
	f := r.before
	if r.reception != nil {
		c := r.reception.Figures()
		f = f.plus(figures{
			frames: c.Frames, framesLost: c.FramesLost, framesSkipped: c.FramesSkipped,
			packets: c.Packets, packetsLost: c.PacketsLost, packetsSkipped: c.PacketsSkipped,
		})
		f.jitter = c.Jitter
	}
	return f
}
