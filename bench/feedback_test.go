package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtcp"
	"golang.org/x/sys/unix"
)

const (
	// feedbackEvery is how often an ffmpeg reports that receives 6 Mbit/s: after each
	// 280 kB, whatever the interval of RFC 3550.
	feedbackEvery   = 360 * time.Millisecond
	feedbackTime    = 10 * time.Second
	feedbackStep    = 5 * time.Millisecond
	feedbackReaders = 10000
	// In percent of a core: for readers that report so often, and for those that keep to the
	// interval.
	mostEagerFeedback = 10
	mostFeedback      = 2
)

// BenchmarkFeedback has readers report as often as ffmpeg does, and nothing else happens:
// it reports what share of a core that takes of the loop's thread, how many of the
// datagrams were read, and how old the readers' figures are in the end. The readers have
// sessions by RTSP, each at an address of its own on the loopback interface.
func BenchmarkFeedback(b *testing.B) {
	for _, readers := range []int{1000, feedbackReaders} {
		b.Run(fmt.Sprintf("net=lo/readers=%d", readers), func(b *testing.B) {
			for range b.N {
				hearFeedback(b, readers)
			}
		})
	}
}

func hearFeedback(b *testing.B, readers int) {
	r := needRig(b, "lo")
	m := newBroadcast(b, r, 0)
	m.RTSP = netip.MustParseAddrPort("127.0.0.1:0")
	must(b, r.Do(m.start))
	crowd := &reporters{rig: r, readers: readers, rtsp: m.Front.Port()}
	runtime.LockOSThread() // the thread's time is to be the loop's
	defer runtime.UnlockOSThread()
	m.runUntil(b, crowd.join)

	before, cpu := m.Cast.RTCPSockets(), threadTime()
	m.runUntil(b, crowd.report)
	cpu = threadTime() - cpu
	read := m.Cast.RTCPSockets().Received - before.Received
	reported, oldest := 0, time.Duration(0)
	for session := range m.Stream.Sessions() {
		if f := session.Figures(); f.Reports > 0 {
			reported++
			oldest = max(oldest, f.Age)
		}
	}
	must(b, m.Close())
	if reported != readers {
		b.Errorf("reports of %d of %d readers were read", reported, readers)
	}
	share := cpu.Seconds() / feedbackTime.Seconds() * 100
	if share > mostEagerFeedback {
		b.Errorf("the reports of %d readers take %.2f %% of a core, want at most %d", readers, share, mostEagerFeedback)
	}
	b.ReportMetric(share, "core-%")
	b.ReportMetric(float64(crowd.sent)/feedbackTime.Seconds(), "sent/s")
	b.ReportMetric(float64(read)/feedbackTime.Seconds(), "read/s")
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(max(read, 1)), "ns/read")
	b.ReportMetric(oldest.Seconds(), "oldest-s")
	b.ReportMetric(0, "ns/op")
}

// runUntil runs the loop until a function, which runs beside it, returns.
func (m *broadcast) runUntil(b *testing.B, f func() error) {
	b.Helper()
	ctx, done := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		failed <- f()
		done()
	}()
	must(b, m.Loop.Run(ctx))
	must(b, <-failed)
}

// threadTime is what the calling thread has used of a CPU.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// reporters are readers who join and report, and receive nothing.
type reporters struct {
	rig     *rig.Rig
	readers int
	rtsp    uint16
	rtcp    netip.AddrPort // the server's
	ssrc    uint32
	sent    int
}

// join has them set up sessions, one after the other, and hang up: a session over UDP
// stays meanwhile.
func (c *reporters) join() error {
	return c.rig.Do(func() error {
		for i := range c.readers {
			if err := c.joinOne(c.rig.Reader(i)); err != nil {
				return fmt.Errorf("reader %d: %w", i, err)
			}
		}
		return nil
	})
}

var transportReply = regexp.MustCompile(`server_port=\d+-(\d+).*ssrc=([0-9A-Fa-f]+)`)

func (c *reporters) joinOne(reader netip.AddrPort) error {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: reader.Addr().AsSlice()}, Timeout: 5 * time.Second}
	conn, err := dialer.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", c.rtsp))
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	url := fmt.Sprintf("rtsp://127.0.0.1:%d/bench", c.rtsp)
	head, err := ask(conn, answers, fmt.Sprintf("SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=%d-%d\r\n\r\n",
		url, reader.Port(), reader.Port()+1))
	if err != nil {
		return err
	}
	reply := transportReply.FindStringSubmatch(head)
	_, session, _ := strings.Cut(head, "Session: ")
	session, _, found := strings.Cut(session, ";")
	if reply == nil || !found {
		return fmt.Errorf("answer %q", head)
	}
	port, err := strconv.ParseUint(reply[1], 10, 16)
	ssrc, err2 := strconv.ParseUint(reply[2], 16, 32)
	c.rtcp, c.ssrc = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)), uint32(ssrc)
	_, err3 := ask(conn, answers, fmt.Sprintf("PLAY %s RTSP/1.0\r\nCSeq: 2\r\nSession: %s\r\n\r\n", url, session))
	return errors.Join(err, err2, err3)
}

// ask sends a request and returns the answer's head.
func ask(conn io.Writer, answers *bufio.Reader, request string) (head string, err error) {
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := answers.ReadString('\n')
		if err != nil {
			return head, err
		}
		head += line
	}
	if !strings.HasPrefix(head, "RTSP/1.0 200") {
		return head, fmt.Errorf("%q is answered by %q", request, head)
	}
	return head, nil
}

// report has all of them report for a while, evenly spread over time. One socket sends
// for all, each time from the reader's address.
func (c *reporters) report() (err error) {
	return c.rig.Do(func() error {
		l, err := loop.New()
		if err != nil {
			return err
		}
		defer l.Close()
		from := netip.AddrPortFrom(netip.IPv4Unspecified(), c.rig.Reader(0).Port()+1)
		socket, err := udp.Open(l, from, udp.Options{UDPOptions: loop.UDPOptions{SendBufferBytes: 4 << 20}}, nil)
		if err != nil {
			return err
		}
		packet := rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: c.ssrc + 1, SSRC: c.ssrc, FractionLost: 1, HighestSequence: 1}, "reader")
		ctx, done := context.WithCancel(context.Background())
		defer done()
		began := l.Kernel().Monotonic()
		var step *loop.Timer
		step = l.NewTimer(func() {
			elapsed := l.Now() - began
			owed := int(float64(min(elapsed, feedbackTime)) / float64(feedbackEvery) * float64(c.readers))
			first := c.sent
			_, err = socket.SendEach(packet, owed-first, func(i int) (netip.AddrPort, netip.Addr) {
				return c.rtcp, c.rig.Reader((first + i) % c.readers).Addr()
			})
			c.sent = owed
			if elapsed >= feedbackTime || err != nil {
				done()
				return
			}
			step.SetAfter(feedbackStep)
		})
		step.SetAfter(0)
		return errors.Join(l.Run(ctx), err, socket.Close())
	})
}
