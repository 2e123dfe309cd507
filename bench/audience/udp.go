package audience

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/srtp"
	pion "github.com/pion/srtp/v3"
	"golang.org/x/sys/unix"
)

// receiveBufferBytes holds the frames that come while the readers' CPU is busy.
const receiveBufferBytes = 8 << 20

func (a *readers) openUDP(c Config) error {
	for i, address := range c.Addresses {
		conn, err := a.bind(address)
		if err != nil {
			return err
		}
		var r *reporter
		if c.Reports {
			r = &reporter{ssrc: uint32(i + 1), stats: rtcp.Reception{}}
			if r.conn, err = a.bind(netip.AddrPortFrom(address.Addr(), address.Port()+1)); err != nil {
				return err
			}
		}
		opener, err := newSealed(c.Sealed, r)
		if err != nil {
			return err
		}
		go readRTP(conn, newAssembly(c.H264, a.checked[i]), r, opener)
	}
	return nil
}

// reporter sends what a reader has received (RFC 3550, section 6.4.2).
type reporter struct {
	conn   *net.UDPConn
	ssrc   uint32
	stats  rtcp.Reception
	due    time.Duration
	packet []byte
	sealer *pion.Context // nil: reports are plain
}

const reportInterval = time.Second

// received takes a packet, and reports if it is time to. Reports may be lost.
func (r *reporter) received(packet []byte, from netip.AddrPort) {
	if r == nil || len(packet) < rtp.HeaderBytes {
		return
	}
	now := model.Now()
	r.stats.Packet(now, binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[4:]))
	if now < r.due {
		return
	}
	r.due = now + reportInterval
	report := r.stats.Report(now, r.ssrc, binary.BigEndian.Uint32(packet[8:]))
	r.packet = rtcp.AppendReceiverReport(r.packet[:0], report, "bench")
	if r.sealer != nil {
		var err error
		if r.packet, err = r.sealer.EncryptRTCP(nil, r.packet, nil); err != nil {
			return
		}
	}
	_, _ = r.conn.WriteToUDPAddrPort(r.packet, netip.AddrPortFrom(from.Addr(), from.Port()+1))
}

// bind opens a socket. It takes segmented messages whole, so that to cut them is on
// nobody's bill.
func (a *readers) bind(local netip.AddrPort) (*net.UDPConn, error) {
	var options error
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return errors.Join(raw.Control(func(fd uintptr) { options = setOptions(int(fd)) }), options)
	}}
	conn, err := config.ListenPacket(context.Background(), "udp4", local.String())
	if err != nil {
		return nil, err
	}
	a.kept = append(a.kept, conn)
	return conn.(*net.UDPConn), nil
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

// newSealed is what a reader opens SRTP with, nil if it is sent plain RTP. Its reports are sealed then, too.
func newSealed(sealed bool, r *reporter) (opener *pion.Context, err error) {
	if !sealed {
		return nil, nil
	}
	context := func(key srtp.Key) (*pion.Context, error) {
		return pion.CreateContext(key[:16], key[16:], pion.ProtectionProfileAes128CmHmacSha1_80)
	}
	if r != nil {
		if r.sealer, err = context(model.ReaderKey); err != nil {
			return nil, err
		}
	}
	return context(model.SealedKey)
}

// assembly makes frames of packets.
type assembly func(packet []byte)

// newAssembly has whole frames counted.
func newAssembly(h264 bool, t *tally) assembly {
	if h264 {
		depacketizer := rtp.NewNALDepacketizer(media.H264, 1<<20)
		return func(packet []byte) {
			if frame, whole, err := depacketizer.Push(packet); err == nil && whole {
				t.units(frame.Bytes)
			}
		}
	}
	var depacketizer rtp.JPEGDepacketizer
	return func(packet []byte) {
		if picture, whole, err := depacketizer.Push(packet); err == nil && whole {
			t.picture(picture)
		}
	}
}

func readRTP(conn *net.UDPConn, assemble assembly, r *reporter, opener *pion.Context) {
	buffer, control := make([]byte, 65536), make([]byte, 64)
	for {
		n, oobn, _, from, err := conn.ReadMsgUDPAddrPort(buffer, control)
		if err != nil {
			return // closed
		}
		size := segmentBytes(control[:oobn], n)
		for rest := buffer[:n]; len(rest) > 0; {
			packet := rest[:min(size, len(rest))]
			rest = rest[len(packet):]
			if opener != nil {
				if packet, err = opener.DecryptRTP(nil, packet, nil); err != nil {
					continue // its frame is lost
				}
			}
			r.received(packet, from)
			assemble(packet)
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
