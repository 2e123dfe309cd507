package rtsp

import (
	"fmt"
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	protocol "github.com/camcast/camcast/proto/rtsp"
)

// conn is an RTSP connection: it carries bytes between the socket and the protocol, and frames
// to the readers that asked for them on it.
type conn struct {
	server *Server
	tcp    *tcp.Conn
	rtsp   *protocol.Conn
	index  int // in the server's list
	// deadline fires when the connection is to be looked at, and used is when it was opened or
	// last had a session.
	deadline *loop.Timer
	used     time.Duration
	// interleaved are the readers that are sent their frames on this connection.
	interleaved []*reader
	// told is what was last told of a stream's keys in a description.
	told told
	// deciding is what the request that waits is waiting for, nil if none does.
	deciding *decision
	// task goes on with what the budget has left for later, or with a request that has waited.
	task   *loop.Task
	closed bool
}

// decision is what the gate says to one request.
type decision struct {
	number uint64 // of the request
	stream *cast.Stream
	action cast.Action
	stop   func() // withdraws the request
	made   bool
	// granted: the gate has admitted it. err may be set all the same, as the stream cannot be watched.
	granted bool
	grant   cast.Grant
	err     error
}

// decide asks the gate about a request, and whether the stream can be watched; nil: there is no
// such stream. It returns nil as long as there is no answer: the protocol then waits, and asks
// again when there is one. Each request has a decision of its own, whatever it offers.
func (c *conn) decide(s *cast.Stream, a cast.Action) *decision {
	d := c.deciding
	ended := d != nil && s == nil // since the gate was asked
	if d == nil || d.number != c.rtsp.Request() || d.action != a || d.stream != s && !ended {
		d = c.ask(s, a)
	}
	if !d.made {
		return nil
	}
	return d
}

// ask asks the gate, and then awaits the stream.
func (c *conn) ask(s *cast.Stream, a cast.Action) *decision {
	c.withdraw()
	d := &decision{number: c.rtsp.Request(), stream: s, action: a}
	c.deciding = d
	request := cast.Request{Protocol: cast.RTSP, Peer: c.tcp.Peer(), Local: c.tcp.Local(), Secure: c.rtsp.Secure, Action: a}
	if s != nil {
		request.Stream = s.Name()
	}
	if given := c.rtsp.Credentials(); given != nil {
		request.Credentials = cast.Authorization{Credentials: given}
	}
	stop := c.server.broadcaster.Admit(request, func(g cast.Grant, err error) {
		if err != nil {
			c.decided(d, g, err)
			return
		}
		d.granted = true
		d.stop = s.Await(func(err error) { c.decided(d, g, err) })
	})
	if d.stop == nil { // the gate has not answered yet
		d.stop = stop
	}
	if c.closed { // by the gate
		c.withdraw()
	}
	return d
}

// withdraw forgets a question that is open: its request will not be answered.
func (c *conn) withdraw() {
	if c.deciding != nil && c.deciding.stop != nil {
		c.deciding.stop()
	}
	c.deciding = nil
}

// decided takes a decision, and answers the request if that has waited for it.
func (c *conn) decided(d *decision, g cast.Grant, err error) {
	d.made, d.grant, d.err = true, g, err
	if !c.rtsp.Waiting() { // it is decided at once
		return
	}
	c.task.Do()
}

// goOn handles what has come and was not handled yet.
func (c *conn) goOn() {
	if c.closed {
		return
	}
	s := c.server
	out, err := c.rtsp.Resume(s.broadcaster.Loop().Awake(), s.room())
	c.answer(out, err)
}

// Data is called with what the peer sent.
func (c *conn) Data(p []byte) {
	s := c.server
	out, err := c.rtsp.Receive(s.broadcaster.Loop().Awake(), p, s.room())
	c.answer(out, err)
}

// answer sends answers. The error says that the peer's messages can no longer be told apart.
func (c *conn) answer(out []byte, err error) {
	s := c.server
	defer func() { s.spare = out }()
	if c.closed {
		return
	}
	switch {
	case c.rtsp.Waiting():
		c.tcp.Pause()
	case c.rtsp.Pending():
		c.withdraw()
		c.tcp.Pause()
		c.task.Later()
	default:
		c.withdraw()
		c.tcp.Resume()
	}
	if len(out) > 0 && c.tcp.Write(out) != nil {
		c.close()
		return
	}
	if err != nil {
		c.giveUp(err)
		return
	}
	c.watch()
}

// giveUp closes the connection and logs why, as strangers may have thousands closed in a second.
func (c *conn) giveUp(reason error) {
	c.server.broadcaster.LogRefusal(c.tcp.Peer(), cast.RTSP, "", fmt.Errorf("connection closed: %w", reason))
	c.close()
}

// Writable is called when the socket takes more.
func (c *conn) Writable() {
	for _, r := range slices.Clone(c.interleaved) { // a reader may be lost by its send
		r.session.Writable()
	}
}

// Closed is called when the connection is gone.
func (c *conn) Closed(error) { c.close() }

// close ends the connection and the sessions that are interleaved on it.
func (c *conn) close() {
	if c.closed {
		return
	}
	c.closed = true
	c.deadline.Stop()
	s := c.server
	last := len(s.conns) - 1
	s.conns[c.index] = s.conns[last]
	s.conns[c.index].index = c.index
	s.conns[last] = nil
	s.conns = s.conns[:last]
	c.withdraw()
	c.task.Stop()
	peer := c.tcp.Peer()
	c.tcp.Close()
	c.rtsp.Close()
	s.broadcaster.Disconnected(peer)
}

func (c *conn) addInterleaved(r *reader) { c.interleaved = append(c.interleaved, r) }

func (c *conn) removeInterleaved(r *reader) {
	if i := slices.Index(c.interleaved, r); i >= 0 {
		c.interleaved = slices.Delete(c.interleaved, i, i+1)
	}
}
