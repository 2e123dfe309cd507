package audience

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// firstCheckedPort is the first RTP port of those who look at what they get: others are
// where nobody is.
const firstCheckedPort = 20000

// handshakes is how many readers join at a time.
const handshakes = 16

func (a *readers) openRTSP(c Config) error {
	address := netip.AddrPortFrom(c.Host, model.RTSPPort)
	conns := make([]net.Conn, c.Count)
	var group errgroup.Group
	group.SetLimit(handshakes)
	checked := 0
	for i := range c.Count {
		port := rig.FirstDeadPort + 2*i
		if t := a.tallyOf(c, i); t != nil {
			port = firstCheckedPort + 2*checked
			checked++
			conn, err := a.bind(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)))
			if err != nil {
				return err
			}
			go readRTP(conn, newAssembly(c.H264, t), nil, nil)
		} else if !c.Drops {
			if err := a.fill(port); err != nil {
				return err
			}
		}
		group.Go(func() (err error) {
			conns[i], err = play(address, port)
			return err
		})
	}
	err := group.Wait()
	for _, conn := range conns {
		if conn != nil {
			a.kept = append(a.kept, conn)
		}
	}
	return err
}

// fill opens a socket that is full at once.
func (a *readers) fill(port int) error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
	if err != nil {
		return err
	}
	a.kept = append(a.kept, conn)
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) })
}

// play asks for the stream as a player does, by RTP to this port and the next.
func play(address netip.AddrPort, port int) (net.Conn, error) {
	conn, err := net.Dial("tcp", address.String())
	if err != nil {
		return nil, err
	}
	c := &rtspConn{conn: conn, in: bufio.NewReader(conn)}
	url := fmt.Sprintf("rtsp://%v%s", address, model.RTSPPath)
	_, description, err := c.ask("DESCRIBE", url, "Accept: application/sdp")
	if err != nil {
		return conn, err
	}
	header, _, err := c.ask("SETUP", track(url, description), fmt.Sprintf("Transport: RTP/AVP;unicast;client_port=%d-%d", port, port+1))
	if err != nil {
		return conn, err
	}
	session, _, _ := strings.Cut(header.Get("Session"), ";")
	_, _, err = c.ask("PLAY", url, "Session: "+session)
	return conn, err
}

// rtspConn is an RTSP connection of a reader.
type rtspConn struct {
	conn net.Conn
	in   *bufio.Reader
	cseq int
}

func (c *rtspConn) ask(method, url, header string) (textproto.MIMEHeader, string, error) {
	c.cseq++
	request := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n\r\n", method, url, c.cseq, header)
	if _, err := c.conn.Write([]byte(request)); err != nil {
		return nil, "", err
	}
	text := textproto.NewReader(c.in)
	status, err := text.ReadLine()
	if err != nil {
		return nil, "", err
	}
	if !strings.HasPrefix(status, "RTSP/1.0 200 ") {
		return nil, "", fmt.Errorf("%s %s is answered by %q", method, url, status)
	}
	fields, err := text.ReadMIMEHeader()
	if err != nil {
		return nil, "", err
	}
	length, _ := strconv.Atoi(fields.Get("Content-Length")) // none: 0
	body := make([]byte, length)
	_, err = io.ReadFull(c.in, body)
	return fields, string(body), err
}

// track is the URL of the only track, from the description.
func track(base, description string) string {
	control := ""
	for line := range strings.Lines(description) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "a=control:"); ok {
			control = value // the last one is the track's
		}
	}
	if strings.HasPrefix(control, "rtsp://") {
		return control
	}
	return base + "/" + control
}
