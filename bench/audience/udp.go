package audience

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/camcast/camcast/proto/rtp"
	"golang.org/x/sys/unix"
)

// receiveBufferBytes holds the frames that come while the readers' CPU is busy.
const receiveBufferBytes = 8 << 20

func (a *readers) openUDP(c Config) error {
	for i, address := range c.Addresses {
		if err := a.receive(address, a.checked[i]); err != nil {
			return err
		}
	}
	return nil
}

// receive opens a socket and reads RTP from it. The socket takes segmented messages
// whole, so that to cut them is on nobody's bill.
func (a *readers) receive(local netip.AddrPort, t *tally) error {
	var options error
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return errors.Join(raw.Control(func(fd uintptr) { options = setOptions(int(fd)) }), options)
	}}
	conn, err := config.ListenPacket(context.Background(), "udp4", local.String())
	if err != nil {
		return err
	}
	a.kept = append(a.kept, conn)
	go readRTP(conn.(*net.UDPConn), t)
	return nil
}

func setOptions(fd int) error {
	// Only root may have more than the machine's limit; others get that.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBufferBytes) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBufferBytes)
	}
	// On loopback there is a socket for all that nobody else gets.
	return errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1))
}

func readRTP(conn *net.UDPConn, t *tally) {
	var depacketizer rtp.JPEGDepacketizer
	buffer, control := make([]byte, 65536), make([]byte, 64)
	for {
		n, oobn, _, _, err := conn.ReadMsgUDPAddrPort(buffer, control)
		if err != nil {
			return // closed
		}
		size := segmentBytes(control[:oobn], n)
		for rest := buffer[:n]; len(rest) > 0; {
			packet := rest[:min(size, len(rest))]
			rest = rest[len(packet):]
			if picture, whole, err := depacketizer.Push(packet); err == nil && whole {
				t.picture(picture)
			}
		}
	}
}

// segmentBytes is how long the packets of a message are (udp(7), UDP_GRO).
func segmentBytes(control []byte, message int) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return message
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_UDP && m.Header.Type == unix.UDP_GRO && len(m.Data) >= 4 {
			return int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return message
}
