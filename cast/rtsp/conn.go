package rtsp

import (
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/tcp"
	protocol "github.com/camcast/camcast/proto/rtsp"
)

// conn is an RTSP connection: it carries bytes between the socket and the protocol, and frames
// to the readers that asked for them on it.
type conn struct {
	server *Server
	tcp    *tcp.Conn
	rtsp   *protocol.Conn
	opened time.Duration
	index  int // in the server's list
	// interleaved are the readers that are sent their frames on this connection.
	interleaved []*reader
	// decision is the last one of the gate.
	decision *decision
	closed   bool
}

// decision is what the gate says to a request.
type decision struct {
	stream *cast.Stream
	action cast.Action
	made   bool
	grant  cast.Grant
	err    error
}

// decide asks the gate about a request, and whether the stream can be watched. made is false as
// long as there is no answer: the protocol then waits, and asks again when there is one. It
// also asks again for each transport that a client offers, for which one answer is enough.
func (c *conn) decide(s *cast.Stream, a cast.Action) (d *decision) {
	if d = c.decision; d != nil && d.stream == s && d.action == a {
		return d
	}
	d = &decision{stream: s, action: a}
	c.decision = d
	request := cast.Request{Protocol: cast.RTSP, Peer: c.tcp.Peer(), Local: c.tcp.Local(), Stream: s.Name(), Action: a}
	c.server.broadcaster.Admit(request, func(g cast.Grant, err error) {
		if err != nil {
			c.decided(d, g, err)
			return
		}
		s.Await(func(err error) { c.decided(d, g, err) })
	})
	return d
}

// decided takes a decision, and answers the request if that has waited for it.
func (c *conn) decided(d *decision, g cast.Grant, err error) {
	d.made, d.grant, d.err = true, g, err
	if c.decision != d || c.closed || !c.rtsp.Waiting() {
		return
	}
	c.tcp.Resume()
	s := c.server
	out, err := c.rtsp.Resume(s.broadcaster.Loop().Now(), s.scratch[:0])
	c.answer(out, err)
}

// Data is called with what the peer sent.
func (c *conn) Data(p []byte) {
	s := c.server
	out, err := c.rtsp.Receive(s.broadcaster.Loop().Now(), p, s.scratch[:0])
	c.answer(out, err)
}

// answer sends answers. The error says that the peer's messages can no longer be told apart.
func (c *conn) answer(out []byte, err error) {
	s := c.server
	s.scratch = out
	if c.closed {
		return
	}
	if !c.rtsp.Waiting() {
		c.decision = nil
	} else {
		c.tcp.Pause()
	}
	if len(out) > 0 && c.tcp.Write(out) != nil {
		c.close()
		return
	}
	if err != nil {
		s.broadcaster.Config().Log.Info("RTSP connection closed", "peer", c.tcp.Peer(), "reason", err)
		c.close()
	}
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
	s := c.server
	last := len(s.conns) - 1
	s.conns[c.index] = s.conns[last]
	s.conns[c.index].index = c.index
	s.conns[last] = nil
	s.conns = s.conns[:last]
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
