package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/rtp"
)

const (
	stuckReaders = 500
	stuckFrames  = 150 // a round: more than the sockets' buffers hold
	stuckRounds  = 5
	// mostDisturbed is how much older the others' frames may be.
	mostDisturbed = 1.1
)

// BenchmarkStuck has readers over TCP stop reading, and one over UDP be behind an interface
// that sends next to nothing, so that its socket is full, beside many others over UDP. It
// reports by how much the age of the others' frames changes, which is to be little, and checks
// that the stuck ones go on with a whole and new frame when they can.
func BenchmarkStuck(b *testing.B) {
	b.Run(fmt.Sprintf("net=lo/readers=%d", stuckReaders), func(b *testing.B) {
		for range b.N {
			r := needRig(b, "lo")
			m := newBroadcast(b, r, stuckReaders)
			m.RTSP, m.Source = netip.MustParseAddrPort("127.0.0.1:0"), r.Host()
			must(b, r.Do(m.start))
			behind := newFullSocket(b, r)
			var without, with []float64
			for range stuckRounds {
				without = append(without, m.ageAtRate(b, stuckFrames))
				readers := []*stuckReader{m.joinStuck(b, r), m.joinStuck(b, r)}
				behind.join(m)
				lags, blocked := m.Stream.Figures().Lags, m.Cast.RTPSockets().Blocked
				with = append(with, m.ageAtRate(b, stuckFrames))
				if behind != nil && m.Cast.RTPSockets().Blocked == blocked {
					b.Error("no socket was full")
				}
				for _, s := range readers {
					s.resume(b, m)
				}
				behind.resume(m)
				if m.Stream.Figures().Lags == lags {
					b.Error("nobody was stuck: no lag was counted")
				}
			}
			must(b, m.Close())
			slices.Sort(without)
			slices.Sort(with)
			if ratio := with[stuckRounds/2] / without[stuckRounds/2]; ratio >= mostDisturbed {
				b.Errorf("stuck readers make the others' 99th percentile of age %.2f times what it is without, want under %v", ratio, mostDisturbed)
			}
			b.ReportMetric(without[stuckRounds/2], "p99-age-ms-without")
			b.ReportMetric(with[stuckRounds/2], "p99-age-ms-with")
			b.ReportMetric(with[stuckRounds/2]/without[stuckRounds/2], "with/without")
			b.ReportMetric(0, "ns/op")
		}
	})
}

// ageAtRate sends frames at their rate and returns the 99th percentile of their age at
// the last UDP reader, in milliseconds.
func (m *broadcast) ageAtRate(b *testing.B, frames int) float64 {
	b.Helper()
	var ages []time.Duration
	ctx, done := context.WithCancel(context.Background())
	due := m.Loop.Kernel().Monotonic() + 10*time.Millisecond
	var beat *loop.Timer
	beat = m.Loop.NewTimer(func() {
		if len(ages) == frames {
			done()
			return
		}
		began := m.Loop.Kernel().Monotonic()
		swept := m.Stream.Swept()
		if err := m.Publish(m.frame.Picture, began); err != nil {
			b.Error(err)
		}
		var look func()
		look = func() {
			if m.Stream.Swept() == swept {
				m.Loop.NewTimer(look).SetAfter(0)
				return
			}
			ages = append(ages, m.Loop.Kernel().Monotonic()-began)
		}
		look()
		due += time.Second / framesPerSecond
		beat.Set(due)
	})
	beat.Set(due)
	must(b, m.Loop.Run(ctx))
	slices.Sort(ages)
	return float64(ages[len(ages)*99/100].Microseconds()) / 1000
}

// stuckReader watches over TCP and does not read.
type stuckReader struct {
	conn net.Conn
}

// joinStuck has a reader join by RTSP, served by the loop in the meantime.
func (m *broadcast) joinStuck(b *testing.B, r *rig.Rig) *stuckReader {
	b.Helper()
	s := &stuckReader{}
	m.whileServing(b, func() error {
		return r.Do(func() (err error) {
			address := fmt.Sprintf("127.0.0.1:%d", m.Front.Port())
			if s.conn, err = net.Dial("tcp", address); err != nil {
				return err
			}
			if err := s.conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
				return err
			}
			url := "rtsp://" + address + "/bench"
			answer, err := request(s.conn, "SETUP "+url+"/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n")
			if err != nil {
				return err
			}
			_, session, _ := strings.Cut(answer, "Session: ")
			session, _, _ = strings.Cut(session, ";")
			_, err = request(s.conn, "PLAY "+url+" RTSP/1.0\r\nCSeq: 2\r\nSession: "+session+"\r\n\r\n")
			return err
		})
	})
	return s
}

func request(conn net.Conn, text string) (string, error) {
	if _, err := conn.Write([]byte(text)); err != nil {
		return "", err
	}
	var answer []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(answer, []byte("\r\n\r\n")) {
		if _, err := conn.Read(one); err != nil {
			return "", err
		}
		answer = append(answer, one[0])
	}
	if !bytes.HasPrefix(answer, []byte("RTSP/1.0 200")) {
		return "", errors.New(string(answer))
	}
	return string(answer), nil
}

// whileServing runs f beside the loop.
func (m *broadcast) whileServing(b *testing.B, f func() error) {
	b.Helper()
	ctx, done := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() { failed <- f(); done() }()
	must(b, m.Loop.Run(ctx))
	must(b, <-failed)
}

// resume reads all that has waited, and then wants the newest frame, whole.
func (s *stuckReader) resume(b *testing.B, m *broadcast) {
	b.Helper()
	newest := m.Stream.Figures().Frames
	next := m.Stream.NextSequence()
	m.whileServing(b, func() error {
		published := false
		var depacketizer rtp.JPEGDepacketizer
		packet := make([]byte, 65536)
		must(b, s.conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		for {
			if _, err := io.ReadFull(s.conn, packet[:4]); err != nil {
				return fmt.Errorf("a reader that reads again, after frame %d: %w", newest, err)
			}
			n := int(binary.BigEndian.Uint16(packet[2:]))
			if _, err := io.ReadFull(s.conn, packet[:n]); err != nil {
				return err
			}
			if packet[0]&0xc0 != 0x80 || packet[1]&0x7f != 26 {
				continue // RTCP
			}
			sequence := binary.BigEndian.Uint16(packet[2:])
			_, whole, err := depacketizer.Push(packet[:n])
			if err != nil {
				return err
			}
			// The newest frame when it began to read, or a later one.
			if whole && int16(sequence-(next-1)) >= 0 {
				return s.conn.Close()
			}
			if whole && !published {
				published = true
				if err := m.Loop.Post(func() { _ = m.Publish(m.frame.Picture, m.Loop.Now()) }); err != nil {
					return err
				}
			}
		}
	})
}
