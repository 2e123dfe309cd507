package cast_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
)

// world is a broadcaster on a simulated kernel, and who watches it.
type world struct {
	t      testing.TB
	k      *sim.Kernel
	l      *loop.Loop
	b      *cast.Broadcaster
	front  *rtsp.Server
	s      *cast.Stream
	camera *camera
	log    bytes.Buffer
	ports  uint16
	// secrets are what the log must not have in it.
	secrets *confidential
}

// logToMemory is a handler that needs no queue, so that a simulation has no goroutine.
type logToMemory struct{ slog.Handler }

func (logToMemory) NeverWaits() {}
func (h logToMemory) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logToMemory{h.Handler.WithAttrs(attrs)}
}

// debug has all be logged.
var debug = &slog.HandlerOptions{Level: slog.LevelDebug}

const framesPerSecond = 30

var (
	serverAddr  = netip.MustParseAddr("10.0.0.1")
	server6Addr = netip.MustParseAddr("2001:db8::1")
	rtspAddr    = netip.AddrPortFrom(serverAddr, 8554)
)

// newWorld makes a world from a seed, which is told if the test fails.
func newWorld(t testing.TB, seed uint64, change func(*cast.Config)) *world {
	t.Helper()
	return newWorldAt(t, seed, []netip.Addr{serverAddr}, change)
}

// newWorldAt makes one whose machine has these addresses.
func newWorldAt(t testing.TB, seed uint64, addresses []netip.Addr, change func(*cast.Config)) *world {
	t.Helper()
	w := newEmptyWorld(t, seed, addresses, change)
	w.camera = newCamera(t, w.k)
	var err error
	if w.s, err = w.b.AddStream("cam", w.camera, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	return w
}

// must fails the test if err is not nil.
func (w *world) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

// newEmptyWorld makes one without a stream.
func newEmptyWorld(t testing.TB, seed uint64, addresses []netip.Addr, change func(*cast.Config)) *world {
	t.Helper()
	w := &world{t: t, k: sim.New(seed, sim.WithAddresses(addresses...)), ports: 20000, secrets: newConfidential()}
	t.Cleanup(func() {
		w.secrets.check(t, w.log.Bytes())
		if t.Failed() {
			t.Logf("seed %d; the log says:\n%s", seed, w.log.String())
		}
	})
	w.l = loop.NewOn(w.k)
	config := cast.Config{
		RTP: netip.MustParseAddrPort("0.0.0.0:5004"), Spread: 0.5, Random: w.k.Random,
		Log: slog.New(logToMemory{slog.NewTextHandler(&w.log, debug)}), Work: sim.NewWorker(w.l, 10*time.Millisecond),
	}
	if change != nil {
		change(&config)
	}
	config.Random = w.secrets.Watch(config.Random)
	var err error
	if w.b, err = cast.New(w.l, config); err != nil {
		t.Fatal(err)
	}
	join.Serve(w.b)
	address := netip.AddrPortFrom(config.RTP.Addr(), 8554)
	if w.front, err = rtsp.Listen(w.b, address, rtsp.Options{}); err != nil {
		t.Fatal(err)
	}
	return w
}

// newWorldOfBothFamilies makes one whose broadcaster has sockets for IPv4 and for IPv6.
func newWorldOfBothFamilies(t testing.TB) *world {
	t.Helper()
	return newWorldAt(t, 1, []netip.Addr{serverAddr, server6Addr}, func(c *cast.Config) {
		c.RTP = netip.MustParseAddrPort("[::]:5004")
	})
}

// figures are those of the stream's readers.
func (w *world) figures() (all []cast.ReaderFigures) {
	for s := range w.s.Sessions() {
		all = append(all, s.Figures())
	}
	return all
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	if err := sim.RunFor(w.l, d); err != nil {
		w.t.Fatal(err)
	}
}

// until lets time pass until something is so.
func (w *world) until(done func() bool) {
	w.t.Helper()
	if err := sim.RunUntil(w.l, done, 30*time.Second); err != nil {
		w.t.Fatal(err)
	}
}

// camera is a device on a ticker, whose pictures have a number in their scan.
type camera struct {
	t      testing.TB
	k      *sim.Kernel
	host   capture.Host // nil: it is closed
	watch  capture.Watch
	fd     int
	number uint32
	scan   int // bytes
	// silent: it gives no pictures. lost: it is unplugged, and is back at the third try to open
	// it, or not at all if it is absent.
	silent, lost, absent bool
	// slow: opening is done when live is called. unknown: what it delivers is known only then.
	// staysSilent: also when it was opened again. noDevice: it has no driver.
	// breaksAtOnce: it fails instead of giving a picture.
	slow, unknown, staysSilent, noDevice, breaksAtOnce bool
	fails, closing                                     error         // of opening, and of closing
	opened                                             int           // how often it was tried to
	began                                              time.Duration // frame n is made n ticks later, until it is opened again
	params                                             *media.Params
}

func newCamera(t testing.TB, k *sim.Kernel) *camera {
	return &camera{t: t, k: k, scan: 20000, began: k.Monotonic(), params: &media.Params{
		Format: media.JPEG, Width: 640, Height: 480, FramesPerSecond: framesPerSecond,
	}}
}

func (c *camera) Describe() capture.Description {
	d := capture.Description{Source: "simulation", Params: c.params, Device: !c.noDevice}
	if c.unknown {
		d.Params = nil
	}
	return d
}

func (c *camera) Open(h capture.Host) {
	c.opened++
	c.host = h
	if c.absent || c.lost && c.opened < 3 {
		h.Lost(errors.New("still gone"))
		return
	}
	if c.fails != nil {
		h.Failed(c.fails)
		return
	}
	if !c.slow {
		c.live()
	}
}

// live is the end of opening.
func (c *camera) live() {
	c.lost, c.silent, c.unknown = false, c.staysSilent, false
	var err error
	if c.fd, err = c.k.NewTicker(time.Second / framesPerSecond); err != nil {
		c.t.Fatal(err)
	}
	if c.watch, err = c.host.Watch(c.fd, c.ready); err != nil {
		c.t.Fatal(err)
	}
	c.host.Live()
}

func (c *camera) ready() {
	if c.lost || c.breaksAtOnce {
		c.host.Lost(errors.New("unplugged"))
		return
	}
	if _, err := c.k.ReadTicks(c.fd); err != nil || c.silent {
		return
	}
	c.number++
	c.host.Frame(c.frame(c.number))
}

// frame is the camera's picture of a number, taken now.
func (c *camera) frame(number uint32) media.Frame {
	return media.Frame{Params: c.params, Bytes: numbered(number, c.scan), Captured: c.k.Monotonic(), Key: true}
}

func (c *camera) Figures() capture.Figures { return capture.Figures{Frames: uint64(c.number)} }

func (c *camera) Close() error {
	c.host = nil
	if c.watch == nil {
		return c.closing
	}
	err := errors.Join(c.watch.Stop(), c.k.CloseFD(c.fd), c.closing)
	c.watch = nil
	return err
}

// numbered is a picture whose scan begins with a number and goes on by it.
func numbered(number uint32, scanBytes int) []byte {
	img := &jpeg.Image{Width: 640, Height: 480, Type: jpeg.Type420, Scan: make([]byte, scanBytes)}
	for i := range img.Luma {
		img.Luma[i], img.Chroma[i] = 1, 2
	}
	text := fmt.Appendf(nil, "%010d", number)
	for filled := copy(img.Scan, text); filled < scanBytes; {
		filled += copy(img.Scan[filled:], img.Scan[:filled/len(text)*len(text)])
	}
	return jpeg.Append(nil, img)
}

// numberOf reads it again and checks every byte.
func numberOf(t testing.TB, picture []byte, scanBytes int) uint32 {
	t.Helper()
	var img jpeg.Image
	if err := img.Parse(picture); err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseUint(string(img.Scan[:10]), 10, 32)
	if err != nil || !bytes.Equal(picture, numbered(uint32(number), scanBytes)) {
		t.Fatalf("a picture that was not sent: %q..., %v", img.Scan[:10], err)
	}
	return uint32(number)
}

// viewer is a player: RTSP over a simulated connection, RTP over UDP or on it.
type viewer struct {
	w            *world
	conn         *sim.TCPPeer
	rtp, rtcp    *sim.UDPPeer // nil over TCP
	in           []byte
	answers      []string
	cseq         int
	session      string
	name         string // of the stream; "": cam
	depacketizer rtp.JPEGDepacketizer
	numbers      []uint32
	reports      [][]byte // RTCP
	// partial is how many packets were lost in the middle of a frame, over TCP.
	sequence uint16
	gaps     int
	begun    bool
}

// connect opens the RTSP connection, from an address of its own.
func (w *world) connect(ip string) *viewer { w.t.Helper(); return w.connectTo(ip, rtspAddr) }

// connectTo opens it to an address of the server's.
func (w *world) connectTo(ip string, server netip.AddrPort) *viewer {
	w.t.Helper()
	v := &viewer{w: w}
	var err error
	if v.conn, err = w.k.DialTCP(netip.AddrPortFrom(netip.MustParseAddr(ip), 0), server); err != nil {
		w.t.Fatal(err)
	}
	v.read()
	w.until(v.conn.Connected)
	return v
}

// read has the viewer read what comes.
func (v *viewer) read() { v.conn.OnData(v.data) }

// data takes bytes apart: answers, and interleaved packets.
func (v *viewer) data(p []byte) {
	v.in = append(v.in, p...)
	for len(v.in) >= 4 {
		if v.in[0] == '$' {
			n := 4 + int(binary.BigEndian.Uint16(v.in[2:]))
			if len(v.in) < n {
				return
			}
			if v.in[1] == 0 {
				v.packet(v.in[4:n])
			} else {
				v.reports = append(v.reports, bytes.Clone(v.in[4:n]))
			}
			v.in = v.in[n:]
			continue
		}
		end := bytes.Index(v.in, []byte("\r\n\r\n"))
		if end < 0 {
			return
		}
		head := string(v.in[:end])
		body := 0
		for _, line := range strings.Split(head, "\r\n") {
			if n, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				body, _ = strconv.Atoi(n)
			}
		}
		if len(v.in) < end+4+body {
			return
		}
		if !strings.HasPrefix(head, "RTSP/1.0 ") {
			v.w.t.Fatalf("neither an answer nor a packet: %q", head[:min(len(head), 40)])
		}
		v.answers = append(v.answers, head)
		v.in = v.in[end+4+body:]
	}
}

// packet takes an RTP packet.
func (v *viewer) packet(p []byte) {
	sequence := binary.BigEndian.Uint16(p[2:])
	if v.begun && sequence != v.sequence+1 {
		v.gaps++
	}
	v.sequence, v.begun = sequence, true
	picture, ok, err := v.depacketizer.Push(p)
	if err != nil {
		v.w.t.Fatal(err)
	}
	if ok {
		v.numbers = append(v.numbers, numberOf(v.w.t, picture, v.w.camera.scan))
	}
}

// ask sends a request and returns the answer's status and head.
func (v *viewer) ask(method, url, headers string) (status int, head string) {
	v.w.t.Helper()
	v.cseq++
	if v.session != "" {
		headers += "Session: " + v.session + "\r\n"
	}
	had := len(v.answers)
	if _, err := v.conn.Write(fmt.Appendf(nil, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n", method, url, v.cseq, headers)); err != nil {
		v.w.t.Fatal(err)
	}
	v.w.until(func() bool { return len(v.answers) > had })
	head = v.answers[had]
	status, _ = strconv.Atoi(strings.Fields(head)[1])
	return status, head
}

const streamURL = "rtsp://10.0.0.1:8554/cam"

// url is that of the stream that is watched.
func (v *viewer) url() string { return "rtsp://10.0.0.1:8554/" + cmp.Or(v.name, "cam") }

// setupUDP asks for RTP over UDP, and returns the status.
func (v *viewer) setupUDP() int {
	v.w.t.Helper()
	port := v.w.ports
	v.w.ports += 2
	var err error
	ip := v.conn.Addr().Addr()
	if v.rtp, err = v.w.k.NewUDPPeer(netip.AddrPortFrom(ip, port)); err != nil {
		v.w.t.Fatal(err)
	}
	if v.rtcp, err = v.w.k.NewUDPPeer(netip.AddrPortFrom(ip, port+1)); err != nil {
		v.w.t.Fatal(err)
	}
	v.rtp.OnReceive(func(d sim.Datagram) { v.packet(d.Payload) })
	v.rtcp.OnReceive(func(d sim.Datagram) { v.reports = append(v.reports, bytes.Clone(d.Payload)) })
	return v.setup(fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", port, port+1))
}

func (v *viewer) setupTCP() int {
	v.w.t.Helper()
	return v.setup("RTP/AVP/TCP;unicast;interleaved=0-1")
}

func (v *viewer) setup(transport string) int {
	v.w.t.Helper()
	status, head := v.ask("SETUP", v.url()+"/trackID=0", "Transport: "+transport+"\r\n")
	for _, line := range strings.Split(head, "\r\n") {
		if session, ok := strings.CutPrefix(line, "Session: "); ok {
			v.session, _, _ = strings.Cut(session, ";")
		}
	}
	return status
}

// play begins to watch.
func (v *viewer) play() {
	v.w.t.Helper()
	if status, head := v.ask("PLAY", v.url(), ""); status != 200 {
		v.w.t.Fatalf("PLAY: %s", head)
	}
}

// watch connects, sets up and plays.
func (w *world) watch(ip string, tcp bool) *viewer {
	w.t.Helper()
	v := w.connect(ip)
	setup := v.setupUDP
	if tcp {
		setup = v.setupTCP
	}
	if status := setup(); status != 200 {
		w.t.Fatalf("SETUP: %d", status)
	}
	v.play()
	return v
}

// watchAt does so over UDP, at an address of the server's.
func (w *world) watchAt(ip string, server netip.Addr) *viewer {
	w.t.Helper()
	v := w.connectTo(ip, netip.AddrPortFrom(server, 8554))
	if status := v.setupUDP(); status != 200 {
		w.t.Fatalf("SETUP at %v: %d", server, status)
	}
	v.play()
	return v
}

// row fails unless the numbers are in a row, and there are at least n of them.
func (v *viewer) row(n int) {
	v.w.t.Helper()
	if len(v.numbers) < n {
		v.w.t.Errorf("%v has %d frames, want %d", v.conn.Addr(), len(v.numbers), n)
	}
	for i := range v.numbers {
		if i > 0 && v.numbers[i] != v.numbers[i-1]+1 {
			v.w.t.Errorf("%v: frame %d after frame %d", v.conn.Addr(), v.numbers[i], v.numbers[i-1])
		}
	}
}
