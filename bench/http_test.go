package bench

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/multipart"
	"golang.org/x/sys/unix"
)

// mostOverWritev is what an HTTP viewer may cost, by what a bare writev of the same bytes does.
const mostOverWritev = 1.3

// BenchmarkHTTP sends JPEGs to viewers of /cam.mjpg, and the same bytes by a bare writev to as many sockets, in turns, and reports
// the ratio of the medians of what that costs the thread that sends. Other threads read.
func BenchmarkHTTP(b *testing.B) {
	const rounds, frames, size = 5, 100, 50_000
	picture := slices.Concat(jpegOf(b), make([]byte, size))[:size]
	for _, readers := range []int{100, 500} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			costs := map[string][]float64{}
			for b.Loop() {
				for range rounds {
					for name, send := range map[string]func(*testing.B, int, int, []byte) time.Duration{"http": sendByHTTP, "writev": sendByWritev} {
						took := send(b, readers, frames, picture)
						costs[name] = append(costs[name], float64(took.Nanoseconds())/1000/float64(readers*frames))
					}
				}
			}
			median := func(name string) float64 {
				values := costs[name]
				slices.Sort(values)
				fmt.Fprintf(os.Stderr, "readers=%d %-6s %6.2f us CPU per reader and frame (%.2f to %.2f)\n", readers, name, values[len(values)/2], values[0], values[len(values)-1])
				return values[len(values)/2]
			}
			ratio := median("http") / median("writev")
			b.ReportMetric(ratio, "http/writev")
			b.ReportMetric(0, "ns/op")
			if ratio > mostOverWritev {
				b.Errorf("HTTP viewers cost %.3f times what a bare writev does, want at most %v", ratio, mostOverWritev)
			}
		})
	}
}

// jpegOf is a small picture.
func jpegOf(b *testing.B) []byte {
	b.Helper()
	var out bytes.Buffer
	must(b, jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, 64, 48)), nil))
	return out.Bytes()
}

// crowd is connections of which all is read that comes.
type crowd struct {
	bytes atomic.Int64
	// came has something when something was read.
	came  chan struct{}
	conns []net.Conn
}

func newCrowd() *crowd { return &crowd{came: make(chan struct{}, 1)} }

// await waits until so many bytes have been read.
func (c *crowd) await(total int64) {
	for c.bytes.Load() < total {
		<-c.came
	}
}

// join has one more connection be read. say is said first.
func (c *crowd) join(b *testing.B, to, say string) {
	b.Helper()
	conn, err := net.Dial("tcp", to)
	must(b, err)
	_, err = io.WriteString(conn, say)
	must(b, err)
	c.conns = append(c.conns, conn)
	go func() {
		for p := make([]byte, 64<<10); ; {
			n, err := conn.Read(p)
			c.bytes.Add(int64(n))
			select {
			case c.came <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
}

func (c *crowd) close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

// sendByHTTP sends frames to viewers, and returns the CPU time that it takes.
func sendByHTTP(b *testing.B, readers, frames int, picture []byte) (took time.Duration) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l, err := loop.New()
	must(b, err)
	defer l.Close()
	front, err := cast.New(l, cast.Config{HTTP: true, MaxConnections: cast.NoLimit, MaxConnectionsPerAddress: cast.NoLimit})
	must(b, err)
	defer front.Close()
	cam, err := front.AddStream("cam", nil, cast.StreamOptions{})
	must(b, err)
	server, err := http.Serve(front, netip.MustParseAddrPort("127.0.0.1:0"), http.Options{})
	must(b, err)
	frame := media.Frame{Params: &media.Params{Format: media.JPEG, Width: 64, Height: 48, FramesPerSecond: 30}, Bytes: picture}
	must(b, cam.Publish(frame))
	all := newCrowd()
	defer all.close()
	for range readers {
		all.join(b, fmt.Sprintf("127.0.0.1:%d", server.Port()), "GET /cam.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	turn := func(wait time.Duration) {
		_, err := l.Turn(wait)
		must(b, err)
	}
	for cam.Figures().Delivered < uint64(readers) { // each gets the first frame
		turn(time.Millisecond)
	}
	for i := range frames {
		had := all.bytes.Load()
		began := threadTime()
		must(b, cam.Publish(frame))
		for cam.Figures().Delivered < uint64(readers*(i+2)) {
			turn(time.Millisecond)
		}
		took += threadTime() - began
		all.await(had + int64(readers*len(picture)))
	}
	if lags := cam.Figures().Lags; lags > 0 {
		b.Errorf("%d frames were skipped", lags)
	}
	return took
}

// sendByWritev sends the same to as many sockets.
func sendByWritev(b *testing.B, readers, frames int, picture []byte) (took time.Duration) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	part, err := multipart.AppendPart(nil, picture, time.Now())
	must(b, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	defer listener.Close()
	all := newCrowd()
	defer all.close()
	var fds []int
	for range readers {
		all.join(b, listener.Addr().String(), "")
		c, err := listener.Accept()
		must(b, err)
		defer c.Close()
		raw, err := c.(*net.TCPConn).SyscallConn()
		must(b, err)
		must(b, raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) }))
		must(b, unix.SetsockoptInt(fds[len(fds)-1], unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 8*len(part)))
	}
	for range frames {
		had := all.bytes.Load()
		began := threadTime()
		for _, fd := range fds {
			for rest := part; len(rest) > 0; {
				n, err := unix.Writev(fd, [][]byte{rest})
				if err == unix.EAGAIN {
					_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
					n = 0
				}
				must(b, err)
				rest = rest[n:]
			}
		}
		took += threadTime() - began
		all.await(had + int64(readers*len(part)))
	}
	return took
}
