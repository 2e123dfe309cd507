package attack

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camcast/camcast/proto/join"
)

// patience is how long an honest viewer waits for an answer.
const patience = 5 * time.Second

// client is an RTSP connection that asks one thing after the other.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	session string
	cseq    int
	// password is what it logs in with when it is asked to, and nonce the last one that it was given.
	password, nonce string
}

// dialFrom connects from an address of this machine.
func dialFrom(ctx context.Context, ip netip.Addr, to netip.AddrPort) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))}
	conn, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

func newClient(ip netip.Addr, to netip.AddrPort) (*client, error) {
	conn, err := dialFrom(context.Background(), ip, to)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReader(conn)}, nil
}

// ask sends a request and returns the answer's status. What comes between is dropped. If a password
// is asked for it asks again.
func (c *client) ask(method, url string, headers ...string) (status int, err error) {
	for {
		before := c.nonce
		all := headers
		if before != "" && c.password != "" {
			all = append(slices.Clone(headers), c.digest(method, url, c.password))
		}
		status, err = c.askOnce(method, url, all...)
		if status != 401 || err != nil || c.password == "" || c.nonce == before {
			return status, err
		}
	}
}

// askOnce sends a request.
func (c *client) askOnce(method, url string, headers ...string) (status int, err error) {
	c.cseq++
	if c.session != "" {
		headers = append(headers, "Session: "+c.session)
	}
	request := fmt.Sprintf("%s %s RTSP/1.0\r\nCSeq: %d\r\n", method, url, c.cseq)
	for _, h := range headers {
		request += h + "\r\n"
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	defer c.conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(c.conn, request+"\r\n"); err != nil {
		return 0, err
	}
	for {
		start, err := c.in.Peek(4)
		if err != nil {
			return 0, err
		}
		if start[0] == '$' {
			if _, err := c.in.Discard(4 + int(start[2])<<8 + int(start[3])); err != nil {
				return 0, err
			}
			continue
		}
		return c.answer()
	}
}

// answer reads an answer.
func (c *client) answer() (status int, err error) {
	in := textproto.NewReader(c.in)
	line, err := in.ReadLine()
	if err != nil {
		return 0, err
	}
	header, err := in.ReadMIMEHeader()
	if err != nil {
		return 0, err
	}
	if length, err := strconv.Atoi(header.Get("Content-Length")); err == nil {
		if _, err := c.in.Discard(length); err != nil {
			return 0, err
		}
	}
	if session := header.Get("Session"); session != "" {
		c.session, _, _ = strings.Cut(session, ";")
	}
	for _, challenge := range header.Values("WWW-Authenticate") {
		if _, after, ok := strings.Cut(challenge, `nonce="`); ok {
			c.nonce, _, _ = strings.Cut(after, `"`)
		}
	}
	_, code, _ := strings.Cut(line, " ")
	code, _, _ = strings.Cut(code, " ")
	return strconv.Atoi(code)
}

// play sets a session up with a transport, and has it play.
func (c *client) play(to target, transport string) error {
	c.password = to.password
	for _, request := range [][]string{
		{"DESCRIBE", to.url(to.stream)}, {"SETUP", to.url(to.stream) + "/trackID=0", "Transport: " + transport}, {"PLAY", to.url(to.stream)},
	} {
		if status, err := c.ask(request[0], request[1], request[2:]...); err != nil {
			return fmt.Errorf("%s: %w", request[0], err)
		} else if status != 200 {
			return fmt.Errorf("%s: %d", request[0], status)
		}
	}
	return nil
}

const overTCP = "RTP/AVP/TCP;unicast;interleaved=0-1"

// newTLSClient connects by TLS, and trusts every server.
func newTLSClient(ip netip.Addr, to netip.AddrPort) (*client, error) {
	conn, err := dialFrom(context.Background(), ip, to)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &client{conn: secure, in: bufio.NewReader(secure)}, nil
}

// watchTCP has a viewer watch by RTSP, over the connection.
func watchTCP(ip netip.Addr, to target) (*viewer, error) {
	c, err := newClient(ip, to.rtsp)
	if err != nil {
		return nil, err
	}
	return c.watch(to)
}

// watchTLS has a viewer watch by RTSP, over a connection with TLS.
func watchTLS(ip netip.Addr, to target) (*viewer, error) {
	c, err := newTLSClient(ip, to.rtsps)
	if err != nil {
		return nil, err
	}
	return c.watch(to)
}

// watch plays over the connection.
func (c *client) watch(to target) (*viewer, error) {
	if err := c.play(to, overTCP); err != nil {
		return nil, errors.Join(err, c.conn.Close())
	}
	v := newViewer()
	v.session, v.coded, v.keeper = c.session, to.coded, to.keeper
	v.watches(c)
	go func() {
		for p := []byte(nil); ; {
			v.mayRead()
			start, err := c.in.Peek(4)
			if err != nil {
				return
			}
			if start[0] != '$' { // the answer to something
				if _, err := c.answer(); err != nil {
					return
				}
				continue
			}
			size := 4 + int(start[2])<<8 + int(start[3])
			p = slices.Grow(p[:0], size)[:size]
			if _, err := io.ReadFull(c.in, p); err != nil {
				return
			}
			if p[1] == 0 {
				v.packet(p[4:])
			} else {
				v.reports(p[4:])
			}
		}
	}()
	return v, nil
}

// pair opens two UDP sockets on ports that follow each other, the first one even.
func pair(ip netip.Addr) (rtp, rtcp *net.UDPConn, err error) {
	for range 100 {
		if rtp, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))); err != nil {
			return nil, nil, err
		}
		at := portOf(rtp)
		if at%2 == 0 {
			if rtcp, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, at+1))); err == nil {
				return rtp, rtcp, nil
			}
		}
		rtp.Close()
	}
	return nil, nil, fmt.Errorf("no pair of ports: %w", err)
}

func portOf(c *net.UDPConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// watchUDP has a viewer watch by RTSP, over UDP.
func watchUDP(ip netip.Addr, to target) (*viewer, error) {
	c, err := newClient(ip, to.rtsp)
	if err != nil {
		return nil, err
	}
	rtp, rtcp, err := pair(ip)
	if err != nil {
		return nil, errors.Join(err, c.conn.Close())
	}
	v := newViewer()
	v.coded, v.keeper, v.socket = to.coded, to.keeper, rtp
	v.close = func() { _ = errors.Join(c.conn.Close(), rtp.Close(), rtcp.Close()) }
	go v.read(rtp, func(p []byte) {
		v.packet(p)
		if report := v.report(nil); len(report) > 0 {
			_, _ = rtcp.WriteToUDPAddrPort(report, to.rtcp)
		}
	})
	go v.read(rtcp, v.reports)
	if err := c.play(to, fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", portOf(rtp), portOf(rtcp))); err != nil {
		v.close()
		return nil, err
	}
	v.session, v.port = c.session, portOf(rtp)
	return v, nil
}

// read hands what comes to take, until the socket is closed.
func (v *viewer) read(socket *net.UDPConn, take func([]byte)) {
	for p := make([]byte, 2048); ; {
		v.mayRead()
		n, _, err := socket.ReadFromUDPAddrPort(p)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			take(p[:n])
		}
	}
}

// joinUDP has a viewer join, by camcast://.
func joinUDP(ip netip.Addr, to target) (*viewer, error) {
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	c := join.NewClient(to.stream, 1, join.Nonce{1, byte(portOf(socket) >> 8), byte(portOf(socket))})
	send := func(p []byte) {
		if len(p) > 0 {
			_, _ = socket.WriteToUDPAddrPort(p, to.rtp)
		}
	}
	if to.password != "" {
		c.SetUser(userName, to.joinKey)
	}
	send(c.Start(0, nil))
	v := newViewer()
	v.port, v.close = portOf(socket), func() { socket.Close() }
	for p := make([]byte, 2048); c.Accepted() == nil; {
		next, _ := c.Next()
		_ = socket.SetReadDeadline(began.Add(next))
		n, _, readErr := socket.ReadFromUDPAddrPort(p)
		var out []byte
		switch {
		case readErr != nil:
			out, err = c.Expire(time.Since(began), nil)
		case join.Is(p[:n]):
			out, err = c.Receive(time.Since(began), p[:n], nil)
		default:
			v.either(p[:n])
		}
		if err != nil {
			return nil, errors.Join(err, socket.Close())
		}
		send(out)
	}
	_ = socket.SetReadDeadline(time.Time{})
	go v.read(socket, func(p []byte) {
		v.either(p)
		send(v.report(nil))
	})
	return v, nil
}

// either takes what comes to a port that RTP and RTCP share.
func (v *viewer) either(p []byte) {
	if isRTCP(p) {
		v.reports(p)
		return
	}
	v.packet(p)
}
