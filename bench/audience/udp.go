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
			r = &reporter{ssrc: uint32(i + 1), stats: rtcp.Reception{}, conn: conn}
			if !c.Private {
				if r.conn, err = a.bind(netip.AddrPortFrom(address.Addr(), address.Port()+1)); err != nil {
					return err
				}
				r.above = 1
			}
		}
		o, err := newOpener(c, c.Checked[i], r)
		if err != nil {
			return err
		}
		if c.Private {
			o.tally = a.checked[i]
		}
		go readRTP(conn, newAssembly(c.H264, a.checked[i]), r, o)
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
	above  uint16        // by how much the port of reports is above that of RTP
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
	_, _ = r.conn.WriteToUDPAddrPort(r.packet, netip.AddrPortFrom(from.Addr(), from.Port()+r.above))
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

// opener opens the SRTP of one reader.
type opener struct {
	context *pion.Context
	room    []byte
	tally   *tally // nil: packets are not counted
}

// newOpener makes what a reader opens SRTP with, and has its reports sealed; nil if it is sent plain RTP.
func newOpener(c Config, reader int, r *reporter) (o *opener, err error) {
	profile, ours, theirs := srtp.AES128CMHMACSHA1, model.SealedKey[:], model.ReaderKey[:]
	switch {
	case c.Private:
		profile = model.PrivateProfile
		ours, theirs = model.PrivateKeys(reader)
	case !c.Sealed:
		return nil, nil
	}
	context := func(key []byte) (*pion.Context, error) {
		return pion.CreateContext(key[:16], key[16:], pion.ProtectionProfile(profile))
	}
	if r != nil {
		if r.sealer, err = context(theirs); err != nil {
			return nil, err
		}
	}
	o = &opener{}
	o.context, err = context(ours)
	return o, err
}

// open opens a packet, and counts it. The opened packet is valid until the next call. ok is false if the packet is forged or
// RTCP.
func (o *opener) open(packet []byte) (opened []byte, ok bool) {
	if o.tally != nil && isRTCP(packet) {
		if _, err := o.context.DecryptRTCP(nil, packet, nil); err != nil {
			o.tally.forged()
		}
		return nil, false
	}
	opened, err := o.context.DecryptRTP(o.room[:0], packet, nil)
	switch {
	case err != nil && o.tally != nil:
		o.tally.forged()
	case err == nil && o.tally != nil:
		o.tally.saw(binary.BigEndian.Uint16(opened[2:]))
	}
	if err == nil {
		o.room = opened
	}
	return opened, err == nil
}

// isRTCP tells RTCP that comes to the same port as RTP by its type (RFC 5761, section 4).
func isRTCP(packet []byte) bool { return len(packet) > 1 && packet[1] >= 192 && packet[1] <= 223 }

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

func readRTP(conn *net.UDPConn, assemble assembly, r *reporter, o *opener) {
	buffer, cmsg := make([]byte, 65536), make([]byte, 64)
	for {
		n, oobn, _, from, err := conn.ReadMsgUDPAddrPort(buffer, cmsg)
		if err != nil {
			return // closed
		}
		size := segmentBytes(cmsg[:oobn], n)
		for rest := buffer[:n]; len(rest) > 0; {
			packet := rest[:min(size, len(rest))]
			rest = rest[len(packet):]
			if o != nil {
				var ok bool
				if packet, ok = o.open(packet); !ok {
					continue // its frame is lost
				}
			}
			r.received(packet, from)
			assemble(packet)
		}
	}
}

// segmentBytes is how long the packets of a message of so many bytes are, as its ancillary data say (udp(7), UDP_GRO).
func segmentBytes(cmsg []byte, message int) int {
	messages, err := unix.ParseSocketControlMessage(cmsg)
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
