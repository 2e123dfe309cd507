package rtsp

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/rtsp/client"
	"github.com/camcast/camcast/receive"
	"github.com/camcast/camcast/view"
)

const (
	// answerTime is how long the camera may take to answer all requests up to PLAY.
	answerTime = 10 * time.Second
	// silentTime is how long it may send nothing then.
	silentTime = 10 * time.Second
	// udpTime is how long nothing may come by UDP until TCP is tried.
	udpTime = 3 * time.Second
	// blindTime is how long packets may come of which no frame can be made: longer than the time
	// between two key frames.
	blindTime = 30 * time.Second
	// refusedTime is how long a camera is left alone that has refused the password.
	refusedTime = 30 * time.Second
	// missingTime is how long the source waits for a packet that is missing.
	missingTime = 100 * time.Millisecond
	// trustedAge is how old a frame may be at most when it arrives, by the camera's clock, for that
	// clock to be believed: most are off by more than a frame takes.
	trustedAge = 500 * time.Millisecond
)

var (
	errNoAnswer = errors.New("the camera does not answer")
	errNoName   = errors.New("the camera's address is not known: the name server does not answer")
	errSilent   = errors.New("the camera sends nothing")
	errGoodbye  = errors.New("the camera said goodbye")
)

// opening is the source from Open to Close: a session with the camera, or a second one if UDP brings
// nothing. It is the session's receive.Listener.
type opening struct {
	source    *Source
	host      capture.Host
	begin     capture.Timer // connects
	state     state
	server    netip.AddrPort
	session   receive.Session
	reception *receive.Reception
	fallBack  bool // to TCP, if UDP brings nothing
	isLive    bool
	way       string  // UDP or TCP
	rate      float64 // as the camera says, in frames per second; 0: it does not
	strays    uint64  // packets that are no RTP, where RTP should come
	watchdog  *loop.Timer
	// When the last packet and the last frame came, by Loop.Awake.
	lastPacket, lastFrame time.Duration
}

type state uint8

const (
	waiting    state = iota // until it is to connect
	looking                 // for the addresses
	connecting              // until the camera answers
	answered                // until it sends
	playing
	over
)

// connect finds the address, and begins a session.
func (o *opening) connect() {
	o.state = looking
	o.watchdog.SetAfter(answerTime)
	if a, ok, err := receive.Literal(o.source.url.Host); ok {
		o.found([]netip.Addr{a}, err)
		return
	}
	o.source.lookUp(o.host)
}

// found takes the camera's addresses. Each opening tries the next one.
func (o *opening) found(addresses []netip.Addr, err error) {
	if err != nil {
		o.lose(err)
		return
	}
	s := o.source
	o.server = netip.AddrPortFrom(addresses[s.attempt%len(addresses)], s.port)
	o.open()
}

// open begins a session.
func (o *opening) open() {
	s := o.source
	o.state = connecting
	o.watchdog.SetAfter(answerTime)
	session, err := receive.OpenRTSP(s.options.Loop, o.server, s.session(o.host), o)
	if err != nil {
		o.lose(err)
		return
	}
	s.timing.restart()
	s.pace.restart()
	o.session = session
	o.reception = receive.NewReception(s.options.Loop, session, receive.ReceptionConfig{
		SSRC: s.options.number(), CNAME: s.cname, Buffer: view.NewPromptBuffer(missingTime), Picture: o.picture,
		Random: func() float64 { return float64(s.options.number()) / (1 << 32) },
	})
}

// Started is a receive.Listener's: the camera says that it sends from now on.
func (o *opening) Started(p receive.Start) {
	o.rate, o.fallBack, o.way = p.FramesPerSecond, p.FallBack, "TCP"
	if p.UDP {
		o.way = "UDP"
	}
	if o.state == connecting { // else it sends already
		o.state = answered
		o.watchdog.SetAfter(silentTime)
		if o.fallBack {
			o.watchdog.SetAfter(udpTime)
		}
	}
	o.reception.Started(p)
}

// RTP is a receive.Listener's: a packet has come.
func (o *opening) RTP(packet []byte) {
	if o.state == over {
		return
	}
	if !receive.IsRTP(packet) {
		o.strays++
		return
	}
	o.lastPacket = o.source.options.Loop.Awake()
	if o.state != playing {
		o.state, o.lastFrame = playing, o.lastPacket
		o.watchdog.SetAfter(silentTime)
	}
	o.reception.RTP(packet)
}

// RTCP is a receive.Listener's: a report has come.
func (o *opening) RTCP(packet []byte) {
	if o.state == over {
		return
	}
	if leaving, _ := o.reception.RTCP(packet); leaving {
		o.lose(errGoodbye)
	}
}

// Ended is a receive.Listener's: the session is over.
func (o *opening) Ended(err error) {
	if err == nil {
		err = errGoodbye
	}
	o.lose(err)
}

// picture takes a frame.
func (o *opening) picture(f view.Frame, taken time.Time, known bool) {
	o.lastFrame = o.source.options.Loop.Awake()
	o.source.frame(o, f, taken, known)
}

// taken is roughly when a frame was taken: by the camera's clock, if that seems to be right, else when
// the quickest packets would have brought it.
func (o *opening) taken(f view.Frame, taken time.Time, known bool) time.Duration {
	now := o.host.Now()
	arrived := min(f.Arrived, now)
	if by := now - o.host.Wall().Sub(taken); known && by <= arrived && arrived-by <= trustedAge {
		return by
	}
	return arrived
}

// lost is how many frames were lost on the way in this session.
func (o *opening) lost() uint64 {
	f := o.reception.Figures()
	return f.FramesLost + f.FramesSkipped
}

// expired is called when what was waited for has not come.
func (o *opening) expired() {
	now := o.source.options.Loop.Awake()
	silent, blind := now-o.lastPacket, now-o.lastFrame
	switch {
	case o.state == playing && silent >= silentTime:
		o.lose(errSilent)
	case o.state == playing && blind >= blindTime:
		o.lose(o.blindness())
	case o.state == playing:
		o.watchdog.SetAfter(min(silentTime-silent, blindTime-blind))
	case o.state == answered && o.fallBack:
		o.source.options.Log.Info("no packets come from the camera by UDP; using TCP", "source", o.source.url.Shown())
		o.source.onlyTCP = true
		o.hangUp()
		o.open()
	case o.state == answered && o.strays > 0:
		o.lose(fmt.Errorf("%w that is RTP (%d other packets have come)", errSilent, o.strays))
	case o.state == answered:
		o.lose(errSilent)
	case o.state == looking:
		o.lose(errNoName)
	default:
		o.lose(errNoAnswer)
	}
}

// blindness is why no frame could be made of the packets.
func (o *opening) blindness() error {
	buffer := o.reception.Buffer()
	switch f := buffer.Figures(); {
	case buffer.Fault() != nil:
		return fmt.Errorf("packets come, but no picture: %w", buffer.Fault())
	case f.Lost > 0:
		return fmt.Errorf("packets come, but no picture: %d of them are missing", f.Lost)
	case buffer.NeedsKey():
		return errors.New("packets come, but no key frame, with which pictures can begin")
	}
	return errors.New("packets come, but no picture: none begins one, or none ends one")
}

// lose reports that the camera is lost, or that it refuses the password.
func (o *opening) lose(err error) {
	if o.state == over {
		return
	}
	s := o.source
	o.close()
	s.attempt++
	refusal, refused := errors.AsType[*client.StatusError](err)
	clearText := errors.Is(err, client.ErrClearText)
	if clearText {
		err = fmt.Errorf("%w, which needs rtsps:// and a certificate that is trusted, or allow-basic=1", err)
	}
	if clearText || refused && refusal.Status == statusUnauthorized {
		s.notBefore = o.host.Now() + refusedTime
		o.host.Failed(err)
		return
	}
	o.host.Lost(err)
}

// statusUnauthorized is RTSP's of a request without the right password.
const statusUnauthorized = 401

// hangUp ends the session.
func (o *opening) hangUp() {
	if o.session == nil {
		return
	}
	o.source.figures.Gaps += o.lost()
	o.reception.Stop()
	o.session.Close()
	o.session, o.reception, o.fallBack, o.strays = nil, nil, false, 0
}

// close ends all that the opening does. It reports nothing.
func (o *opening) close() {
	if o.state != over {
		o.state = over
		o.begin.Stop()
		o.watchdog.Stop()
		o.hangUp()
	}
}
