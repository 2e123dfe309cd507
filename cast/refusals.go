package cast

import (
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/camcast/camcast/loop"
)

// refusals logs refused requests, one line a second at most: strangers can have thousands
// refused in a second.
type refusals struct {
	broadcaster *Broadcaster
	// pause is set after a line was logged. What is refused until it fires is logged then: the
	// last refusal, and how many others there were.
	pause  *loop.Timer
	last   refusedRequest
	unsaid uint64 // with the last one
}

// refusedRequest is what is logged of one.
type refusedRequest struct {
	peer     netip.AddrPort
	protocol Protocol
	stream   string
	err      error
}

// refusalPause is the time between two lines.
const refusalPause = time.Second

func (r *refusals) init(b *Broadcaster) {
	r.broadcaster, r.pause = b, b.loop.NewTimer(r.say)
}

// add logs a refusal, now or when the pause is over.
func (r *refusals) add(request refusedRequest) {
	r.last = request
	r.unsaid++
	if _, paused := r.pause.Due(); !paused {
		r.say()
	}
}

// say logs what was refused and not said yet.
func (r *refusals) say() {
	if r.unsaid == 0 {
		return
	}
	l := &r.last
	r.broadcaster.config.Log.Warn("reader refused: "+beginning(l.err.Error()), "peer", l.peer, "protocol", l.protocol, "stream", l.stream, "others", r.unsaid-1)
	r.unsaid, r.last = 0, refusedRequest{}
	r.pause.SetAfter(refusalPause)
}

// refusalBytes is how much of an error is logged: it may have been made of what a stranger has sent, such as a name in a
// certificate of 60 kB.
const refusalBytes = 300

// beginning is a text, or its first refusalBytes bytes and that it goes on.
func beginning(text string) string {
	if len(text) <= refusalBytes {
		return text
	}
	end := refusalBytes
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}

// close says the rest.
func (r *refusals) close() {
	r.say()
	r.pause.Stop()
}

// LogRefusal logs that a request was refused, as a front does that refuses one by itself. There
// is one line a second at most; it says how many others were refused in that second.
func (b *Broadcaster) LogRefusal(peer netip.AddrPort, p Protocol, stream string, err error) {
	if !b.closed {
		b.refusals.add(refusedRequest{peer, p, stream, err})
	}
}
