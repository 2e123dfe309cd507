package cast_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/camcast/camcast/loop/sim"
)

// rtspGuest is a guest's RTSP connection.
type rtspGuest struct {
	conn    *sim.TCPPeer
	in      []byte
	cseq    int
	session string
	// asked are the requests that are not answered yet, in order.
	asked []string
}

// connect opens the connection and asks for everything up to PLAY.
func (g *guest) connect() {
	if g.how == overUDP {
		g.listen()
	}
	g.rtsp = rtspGuest{cseq: g.rtsp.cseq}
	var err error
	g.rtsp.conn, err = g.w.k.DialTCP(netip.AddrPortFrom(g.ip, 0), netip.AddrPortFrom(g.server, 8554))
	g.w.must(err)
	g.rtsp.conn.OnData(g.data)
	g.ask("DESCRIBE", "")
}

// ask sends a request. Its answer is taken by answeredRTSP.
func (g *guest) ask(method, headers string) {
	r := &g.rtsp
	if r.session != "" {
		headers += "Session: " + r.session + "\r\n"
	}
	url := fmt.Sprintf("rtsp://%v/%s", netip.AddrPortFrom(g.server, 8554), g.stream.Name())
	if method == "SETUP" {
		url += "/trackID=0"
	}
	r.cseq++
	if _, err := r.conn.Write(fmt.Appendf(nil, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n", method, url, r.cseq, headers)); err != nil {
		return // the server has closed the connection
	}
	r.asked = append(r.asked, method)
}

// data takes bytes of the connection apart.
func (g *guest) data(p []byte) {
	r := &g.rtsp
	r.in = append(r.in, p...)
	at := 0
	for len(r.in)-at >= 4 {
		b := r.in[at:]
		if b[0] == '$' {
			n := 4 + int(binary.BigEndian.Uint16(b[2:]))
			if len(b) < n {
				break
			}
			g.arrived(b[4:n])
			at += n
			continue
		}
		n := messageBytes(b)
		if n == 0 {
			break
		}
		if !bytes.HasPrefix(b, []byte("RTSP/1.0 ")) {
			g.wrong("neither an answer nor a packet: %q", b[:min(len(b), 40)])
		}
		g.answeredRTSP(string(b[:n]))
		at += n
	}
	r.in = r.in[:copy(r.in, r.in[at:])]
}

// messageBytes is how long the message is that p begins with, 0 if some of it is missing.
func messageBytes(p []byte) int {
	end := bytes.Index(p, []byte("\r\n\r\n"))
	if end < 0 {
		return 0
	}
	n := end + 4
	for _, line := range strings.Split(string(p[:end]), "\r\n") {
		if length, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			body, _ := strconv.Atoi(length)
			n += body
		}
	}
	if len(p) < n {
		return 0
	}
	return n
}

// answeredRTSP goes on by an answer.
func (g *guest) answeredRTSP(message string) {
	r := &g.rtsp
	if len(r.asked) == 0 {
		g.wrong("an answer to nothing: %q", message)
		return
	}
	method := r.asked[0]
	r.asked = r.asked[1:]
	status, _ := strconv.Atoi(strings.Fields(message)[1])
	if status != 200 {
		if g.state == isAsking {
			g.state = wasRefused
		}
		return
	}
	for _, line := range strings.Split(message, "\r\n") {
		if session, ok := strings.CutPrefix(line, "Session: "); ok {
			r.session, _, _ = strings.Cut(session, ";")
		}
	}
	switch {
	case method == "TEARDOWN":
		r.session = ""
	case g.state == hasLeft:
	case method == "DESCRIBE" && g.how == overTCP:
		g.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
	case method == "DESCRIBE":
		g.ask("SETUP", fmt.Sprintf("Transport: RTP/AVP;unicast;client_port=%d-%d\r\n", g.port, g.port+1))
	case method == "SETUP":
		g.sink.over = false
		g.ask("PLAY", "")
	case method == "PLAY":
		g.plays()
	case method == "PAUSE":
		g.state = hasPaused
	}
}

// pause has an RTSP guest pause.
func (g *guest) pause() {
	if g.state == isPlaying && g.rtsp.conn != nil {
		g.sink.pause()
		g.ask("PAUSE", "")
	}
}

// play has one that has paused go on.
func (g *guest) play() {
	if g.state == hasPaused {
		g.sink.pause()
		g.ask("PLAY", "")
	}
}

// stopReading has one over TCP read nothing for now, with room for so many bytes.
func (g *guest) stopReading(room int) {
	if g.rtsp.conn != nil {
		g.rtsp.conn.SetReceiveBuffer(room)
		g.rtsp.conn.OnData(nil)
	}
}

// goOnReading has it read what waits, and what comes.
func (g *guest) goOnReading() {
	if g.rtsp.conn == nil {
		return
	}
	g.data(g.rtsp.conn.Take())
	g.rtsp.conn.SetReceiveBuffer(1 << 20)
	g.rtsp.conn.OnData(g.data)
}

// vanish has it go without a word. Its ports stay open, as those of a machine whose player
// has died would not, so that what is still sent to it is seen.
func (g *guest) vanish() {
	if g.rtsp.conn != nil {
		g.rtsp.conn.Reset()
	}
	g.state, g.sink.over = hasLeft, false
}
