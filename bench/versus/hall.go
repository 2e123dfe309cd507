package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// packetsPerFrame is how many packets the picture makes: its scan and the tables, in
// packets with 20 bytes of headers.
const packetsPerFrame = (scanBytes + 132 + (packetSize - 20) - 1) / (packetSize - 20)

// hall is all readers: an RTSP connection and a pair of UDP sockets each. The RTP sockets
// are emptied by one loop, which counts what comes.
type hall struct {
	loop    *loop.Loop
	stop    context.CancelFunc
	stopped chan error
	control []net.Conn
	fds     []int
	packets atomic.Int64
}

// firstPort is the first reader's RTP port.
const firstPort = 30000

// receiveBufferBytes holds some frames, for a machine that is busy sending.
const receiveBufferBytes = 512 << 10

// leastBufferBytes is the smallest buffer that the kernel gives: it is full at once.
const leastBufferBytes = 1

// fill opens all readers and has them play.
func fill(address string, count int) (*hall, error) {
	l, err := loop.New()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &hall{loop: l, stop: stop, stopped: make(chan error, 1)}
	for i := range count {
		if err := h.bind(uint16(firstPort+2*i), i < *read); err != nil {
			return nil, err
		}
	}
	go func() { h.stopped <- l.Run(ctx) }()
	for i := range count {
		if err := h.play(address, firstPort+2*i); err != nil {
			return nil, fmt.Errorf("reader %d: %w", i, err)
		}
	}
	return h, nil
}

// bind opens a pair of sockets, and has the RTP one read if so wished.
func (h *hall) bind(port uint16, read bool) error {
	k := h.loop.Kernel()
	o := loop.UDPOptions{ReceiveBufferBytes: leastBufferBytes}
	if read {
		o.ReceiveBufferBytes = receiveBufferBytes
	}
	fd, err := k.OpenUDP(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), o)
	if err != nil {
		return err
	}
	rtcp, err := k.OpenUDP(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port+1), loop.UDPOptions{})
	if err != nil {
		return err
	}
	h.fds = append(h.fds, fd, rtcp)
	if !read {
		return nil
	}
	var one [1]byte
	_, err = h.loop.Register(fd, loop.Readable, func(loop.Interest) {
		for {
			if _, _, err := unix.Recvfrom(fd, one[:], unix.MSG_DONTWAIT); err != nil {
				return
			}
			h.packets.Add(1)
		}
	})
	return err
}

// play asks for the stream as a player does.
func (h *hall) play(address string, port int) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		return err
	}
	h.control = append(h.control, conn)
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	answer, err := ask(conn, fmt.Sprintf("DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n", address))
	if err != nil {
		return err
	}
	track := trackURL(address, answer)
	answer, err = ask(conn, fmt.Sprintf("SETUP %s RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP;unicast;client_port=%d-%d\r\n\r\n", track, port, port+1))
	if err != nil {
		return err
	}
	session, _, _ := strings.Cut(header(answer, "Session: "), ";")
	_, err = ask(conn, fmt.Sprintf("PLAY %s RTSP/1.0\r\nCSeq: 3\r\nSession: %s\r\n\r\n", address, session))
	return err
}

// ask sends a request and returns the answer, which comes in one piece on loopback.
func ask(conn net.Conn, request string) (string, error) {
	if _, err := conn.Write([]byte(request)); err != nil {
		return "", err
	}
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	answer := string(buffer[:n])
	if err == nil && !strings.HasPrefix(answer, "RTSP/1.0 200") {
		err = fmt.Errorf("%q is answered by %q", request, answer)
	}
	return answer, err
}

func header(answer, name string) string {
	for _, line := range strings.Split(answer, "\r\n") {
		if value, ok := strings.CutPrefix(line, name); ok {
			return value
		}
	}
	return ""
}

// trackURL is the URL of the only track, from the description.
func trackURL(base, description string) string {
	control := ""
	for _, line := range strings.Split(description, "\r\n") {
		if value, ok := strings.CutPrefix(line, "a=control:"); ok {
			control = value // the last one is the track's
		}
	}
	if strings.HasPrefix(control, "rtsp://") {
		return control
	}
	return base + "/" + control
}

// empty has all readers leave.
func (h *hall) empty() {
	for _, c := range h.control {
		c.Close()
	}
	h.stop()
	<-h.stopped
	k := h.loop.Kernel()
	for _, fd := range h.fds {
		_ = k.CloseFD(fd)
	}
	_ = h.loop.Close()
}
