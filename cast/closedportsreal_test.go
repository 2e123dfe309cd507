package cast_test

import (
	"context"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
)

// realReader is a reader on this machine's loopback interface, on the broadcaster's loop.
type realReader struct {
	socket  *udp.Socket
	session *cast.Session
	packets int
	next    uint16 // the sequence number that is due
	missed  int
	ended   time.Duration
}

// listenTo has a reader of a stream listen, RTCP at the same port as RTP.
func listenTo(t *testing.T, l *loop.Loop, b *cast.Broadcaster, s *cast.Stream, ip netip.Addr) *realReader {
	t.Helper()
	r := &realReader{}
	var err error
	o := udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: 1 << 20}}
	if r.socket, err = udp.Open(l, netip.AddrPortFrom(ip, 0), o, func(d udp.Datagram) {
		if d.Payload[1] >= 192 && d.Payload[1] <= 223 {
			return
		}
		sequence := binary.BigEndian.Uint16(d.Payload[2:])
		if r.packets++; r.packets > 1 && sequence != r.next {
			r.missed++
		}
		r.next = sequence + 1
	}); err != nil {
		t.Fatal(err)
	}
	at := r.socket.Local()
	if r.session, err = b.OpenSession(cast.SessionOptions{
		Stream: s, Protocol: cast.Join, Peer: at, Ended: func(string) { r.ended = l.Now() },
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.session.PlayUDP(cast.Address{RTP: at, RTCP: at, Source: ip}); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestClosedPortsOfThisMachine has one of two readers behind one socket close its port, on the real
// kernel: the other one gets every packet, the session of the first ends after two seconds, and the
// loop does not spin.
func TestClosedPortsOfThisMachine(t *testing.T) {
	for _, ip := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
		t.Run(ip.String(), func(t *testing.T) {
			t.Parallel()
			l, err := loop.New()
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			b, err := cast.New(l, cast.Config{RTP: netip.AddrPortFrom(ip, 0)})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			params := &media.Params{Format: media.JPEG, Width: 640, Height: 480, FramesPerSecond: framesPerSecond}
			s, err := b.AddStream("cam", nil, cast.StreamOptions{Params: params})
			if err != nil {
				t.Fatal(err)
			}
			number, frames := uint32(0), (*loop.Timer)(nil)
			frames = l.NewTimer(func() {
				number++
				if err := s.Publish(media.Frame{Params: params, Bytes: numbered(number, 20000)}); err != nil {
					t.Error(err)
				}
				frames.SetAfter(time.Second / framesPerSecond)
			})
			gone, there := listenTo(t, l, b, s, ip), listenTo(t, l, b, s, ip)
			defer there.socket.Close()
			frames.SetAfter(0)
			var closed time.Duration
			l.NewTimer(func() {
				closed = l.Now()
				if err := gone.socket.Close(); err != nil {
					t.Error(err)
				}
			}).SetAfter(time.Second)
			ctx, done := context.WithCancel(t.Context())
			l.NewTimer(done).SetAfter(4 * time.Second)
			if err := l.Run(ctx); err != nil && ctx.Err() == nil {
				t.Fatal(err)
			}
			took := gone.ended - closed
			t.Logf("ended after %v; %d turns, %d rejections, %d packets", took, l.Stats().Turns, b.RTPSockets().Rejections, there.packets)
			if gone.ended == 0 || took < 2*time.Second || took > 3*time.Second {
				t.Errorf("it was ended after %v", took)
			}
			if there.ended != 0 || there.missed > 0 || there.packets < 2*framesPerSecond {
				t.Errorf("the other reader has %d packets, and gaps: %d", there.packets, there.missed)
			}
			if turns := l.Stats().Turns; turns > 5000 || b.RTPSockets().Rejections == 0 {
				t.Errorf("%d turns, %d rejections", turns, b.RTPSockets().Rejections)
			}
		})
	}
}
