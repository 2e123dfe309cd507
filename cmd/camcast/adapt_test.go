//go:build adapt

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
	"golang.org/x/sys/unix"
)

// This test has the daemon serve twenty readers by a fast network, and one more whose link
// is made slow for a time. All are in network namespaces of their own, which only root can
// make. make test-adapt runs it.

const (
	adaptRate    = 30 // frames a second
	adaptHealthy = 20
)

// netReader is a player that joins by RTSP, receives, and reports once a second.
type netReader struct {
	control   net.Conn
	rtp, rtcp *net.UDPConn
	server    netip.AddrPort // of RTCP

	mutex        sync.Mutex
	reception    rtcp.Reception
	depacketizer rtp.JPEGDepacketizer
	units        *netUnits // of a reader of H.264, else nil
	wireBits     int
	// touched and whole are the timestamps of the frames of which something came, and all.
	// A link of half the rate lets something of every frame through.
	touched, whole []uint32
	err            error
	frame          chan struct{} // told of each whole frame, if there is room
}

// joinFrom has a reader join the daemon from a port of a host.
func joinFrom(t *testing.T, namespace, host string, port int) *netReader {
	t.Helper()
	return (&netReader{}).join(t, namespace, host, port)
}

func (r *netReader) join(t *testing.T, namespace, host string, port int) *netReader {
	t.Helper()
	r.frame = make(chan struct{}, 1)
	err := rig.Within(namespace, func() (err error) {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}, Timeout: 5 * time.Second}
		if r.control, err = dialer.Dial("tcp", senderHost+":8554"); err != nil {
			return err
		}
		if r.rtp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host), Port: port}); err != nil {
			return err
		}
		r.rtcp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host), Port: port + 1})
		return errors.Join(err, enlarge(r.rtp))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.control.Close(); r.rtp.Close(); r.rtcp.Close() })
	answers := bufio.NewReader(r.control)
	ask := func(request string) http.Header {
		if _, err := fmt.Fprint(r.control, request+"\r\n"); err != nil {
			t.Fatal(err)
		}
		// But for its first word the answer is one of HTTP.
		line, err := answers.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "RTSP/1.0 200") {
			t.Fatalf("%q is answered by %q, %v", request, line, err)
		}
		rest := bufio.NewReader(bytes.NewReader(nil))
		var head bytes.Buffer
		head.WriteString("HTTP/1.1 200 OK\r\n")
		for line != "\r\n" {
			if line, err = answers.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			head.WriteString(line)
		}
		rest.Reset(&head)
		answer, err := http.ReadResponse(rest, nil)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Header
	}
	url := "rtsp://" + senderHost + ":8554/cam"
	set := ask(fmt.Sprintf("SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=%d-%d\r\n", url, port, port+1))
	session, _, _ := strings.Cut(set.Get("Session"), ";")
	ports := regexp.MustCompile(`server_port=\d+-(\d+)`).FindStringSubmatch(set.Get("Transport"))
	if ports == nil {
		t.Fatalf("no server_port in %v", set)
	}
	r.server = netip.MustParseAddrPort(senderHost + ":" + ports[1])
	ask(fmt.Sprintf("PLAY %s RTSP/1.0\r\nCSeq: 2\r\nSession: %s\r\n", url, session))
	go r.receive(time.Now())
	return r
}

// enlarge gives a socket room for some seconds, beyond what the machine allows others: what
// is lost for want of time is not what is tested.
func enlarge(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	refused := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	})
	return errors.Join(refused, err)
}

// receive takes packets until the socket is closed.
func (r *netReader) receive(began time.Time) {
	buffer, packet, reported := make([]byte, 2048), []byte(nil), time.Duration(0)
	for {
		n, err := r.rtp.Read(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		now := time.Since(began)
		r.mutex.Lock()
		complete := r.packet(now, buffer[:n], err)
		due := now-reported >= time.Second
		if due {
			reported = now
			packet = rtcp.AppendReceiverReport(packet[:0], r.reception.Report(now, 1, ssrcOf(buffer)), "reader")
		}
		r.mutex.Unlock()
		if due {
			_, _ = r.rtcp.WriteToUDPAddrPort(packet, r.server)
		}
		if complete {
			select {
			case r.frame <- struct{}{}:
			default:
			}
		}
	}
}

func ssrcOf(p []byte) uint32 {
	return uint32(p[8])<<24 | uint32(p[9])<<16 | uint32(p[10])<<8 | uint32(p[11])
}

// packet counts a packet, and reports whether it completes a frame.
func (r *netReader) packet(now time.Duration, p []byte, err error) bool {
	if err != nil || len(p) < rtp.HeaderBytes {
		r.err = errors.Join(r.err, err)
		return false
	}
	const wireHeaders = 14 + 20 + 8 // Ethernet, IP, UDP
	r.wireBits += 8 * (len(p) + wireHeaders)
	timestamp := uint32(p[4])<<24 | uint32(p[5])<<16 | uint32(p[6])<<8 | uint32(p[7])
	r.reception.Packet(now, uint16(p[2])<<8|uint16(p[3]), timestamp)
	if len(r.touched) == 0 || r.touched[len(r.touched)-1] != timestamp {
		r.touched = append(r.touched, timestamp)
	}
	complete, err := r.push(p)
	r.err = errors.Join(r.err, err)
	if complete {
		r.whole = append(r.whole, timestamp)
	}
	return complete
}

// push takes a packet, and reports whether it completes a frame.
func (r *netReader) push(p []byte) (complete bool, err error) {
	if r.units != nil {
		return r.units.push(p)
	}
	_, complete, err = r.depacketizer.Push(p)
	return complete, err
}

// frames returns the timestamps of the whole frames so far.
func (r *netReader) frames() []uint32 {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.whole
}

// newest is the timestamp of the newest whole frame.
func (r *netReader) newest() uint32 {
	frames := r.frames()
	return frames[len(frames)-1]
}

// await waits until so many more frames have come whole.
func (r *netReader) await(t *testing.T, more int) {
	t.Helper()
	want := len(r.frames()) + more
	limit := time.After(time.Duration(more)*time.Second/adaptRate + 10*time.Second)
	for len(r.frames()) < want {
		select {
		case <-r.frame:
		case <-limit:
			t.Fatalf("%d frames have come, want %d", len(r.frames()), want)
		}
	}
}

// lostSince returns how many of the frames from a timestamp on were lost, of how many that
// were sent to the reader; the last one, which may still be coming, is left out.
func (r *netReader) lostSince(from uint32) (lost, sent int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	touched, whole := since(r.touched, from), since(r.whole, from)
	sent = len(touched) - 1
	return max(sent-len(whole), 0), sent
}

// lostOutsideTrials returns how many of the thinned reader's frames from a timestamp on were lost,
// of how many, and how many were sent in trials of a higher rate and the second after each: a trial
// is there to lose frames, and its last packets wait in the link's queue.
func (r *netReader) lostOutsideTrials(from uint32) (lost, sent, tried int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	touched := since(r.touched, from)
	var gaps []uint32
	for i := 1; i < len(touched); i++ {
		gaps = append(gaps, touched[i]-touched[i-1])
	}
	slices.Sort(gaps)
	trial := from - rtp.ClockHz - 1
	for i, t := range touched[:max(len(touched)-1, 0)] { // the last may still be coming
		if next := touched[i+1]; next-t < gaps[len(gaps)/2] {
			trial = next
		}
		switch {
		case int32(t-trial) <= rtp.ClockHz:
			tried++
		case !slices.Contains(r.whole, t):
			lost++
			sent++
		default:
			sent++
		}
	}
	return lost, sent, tried
}

// since returns the timestamps that are not before one.
func since(timestamps []uint32, from uint32) []uint32 {
	for i, t := range timestamps {
		if int32(t-from) >= 0 {
			return timestamps[i:]
		}
	}
	return nil
}

// thinned has the daemon print its figures and returns the line about thinning.
func (d *daemon) thinned() string {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		d.t.Fatal(err)
	}
	return d.awaitLog("thinned:")
}

func TestSlowReaderInANetwork(t *testing.T) {
	t.Parallel() // it has networks of its own, and waits for most of its time
	if _, err := exec.LookPath("tc"); err != nil {
		t.Fatal(err)
	}
	n := makeForkedNetwork(t)
	var d *daemon
	if err := rig.Within(n.sender, func() error {
		d = startDaemon(t, "--rtsp", senderHost+":8554", "--rtp", senderHost+":5004", fmt.Sprintf("testcard:?size=640x480&fps=%d", adaptRate))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var healthy []*netReader
	for i := range adaptHealthy {
		healthy = append(healthy, joinFrom(t, n.near, nearHost, 6000+2*i))
	}
	slow := joinFrom(t, n.slow, slowHost, 6000)
	reference := healthy[0]
	reference.await(t, adaptRate)
	reference.mutex.Lock()
	bits, frames := reference.wireBits, len(reference.whole)
	reference.mutex.Unlock()
	rate := bits / frames * adaptRate

	n.slowDown(rate / 2)
	reference.await(t, 15*adaptRate)
	if line := d.thinned(); !strings.Contains(line, "1 reader now") {
		t.Errorf("15 s after the link became slow: %s", line)
	}
	from := reference.newest()
	reference.await(t, 20*adaptRate)
	lost, sent, tried := slow.lostOutsideTrials(from)
	t.Logf("a link of %d kbit/s, half the rate: after 15 s %d of %d frames are lost in 20 s, besides %d in trials", rate/2000, lost, sent, tried)
	if 100*lost >= 2*sent || sent < 15*adaptRate/8 {
		t.Errorf("%d of %d frames are lost, want under 2 %%", lost, sent)
	}

	n.recover()
	recovered := 0
	for seconds := 2; seconds <= 60 && recovered == 0; seconds += 2 {
		from := reference.newest()
		reference.await(t, 2*adaptRate)
		if lost, sent := slow.lostSince(from); lost == 0 && sent >= 2*adaptRate-2 {
			recovered = seconds
		}
	}
	t.Logf("at the full rate for two seconds %d s after the link's recovery", recovered)
	if line := d.thinned(); recovered == 0 || !strings.Contains(line, "0 readers now") {
		t.Errorf("not at the full rate in a minute: %s", line)
	}
	for i, r := range healthy {
		r.mutex.Lock()
		if r.reception.Lost() != 0 || r.depacketizer.Dropped > 0 || r.err != nil {
			t.Errorf("healthy reader %d has lost %d packets, %d frames: %v", i, r.reception.Lost(), r.depacketizer.Dropped, r.err)
		}
		r.mutex.Unlock()
	}
	if !t.Failed() {
		t.Logf("%d healthy readers have had all of %d frames", len(healthy), len(reference.frames()))
	}
}
