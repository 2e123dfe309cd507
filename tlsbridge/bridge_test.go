package tlsbridge

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
)

// identity is a certificate for 127.0.0.1, and clients' configuration that trusts it.
var identity = sync.OnceValues(func() (server, client *tls.Config) {
	made, err := certificate.Make([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		panic(err)
	}
	pair, err := tls.X509KeyPair(made.Certificate, made.Key)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(made.Certificate)
	return &tls.Config{Certificates: []tls.Certificate{pair}}, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
})

// end is the loop's side of a connection.
type end struct {
	conn     *tcp.Conn
	got      []byte
	writable int
	closed   bool
	err      error
	onData   func(p []byte)
}

func (e *end) Data(p []byte) {
	e.got = append(e.got, p...)
	if e.onData != nil {
		e.onData(p)
	}
}
func (e *end) Writable()        { e.writable++ }
func (e *end) Closed(err error) { e.closed, e.err = true, err }

// world is a loop with a listener behind a Server.
type world struct {
	*testing.T
	loop       *loop.Loop
	listener   *tcp.Listener
	server     *Server
	ends       []*end
	failures   []error
	stop       func() // of the last handshake
	goroutines int
}

func newWorld(t *testing.T) *world {
	config, _ := identity()
	w := &world{T: t, server: NewServer(config), goroutines: runtime.NumGoroutine()}
	var err error
	w.loop, err = loop.New()
	w.check(err)
	w.listener, err = tcp.Listen(w.loop, netip.MustParseAddrPort("127.0.0.1:0"), func(c *tcp.Conn) tcp.Handler {
		w.ends = append(w.ends, &end{conn: c})
		return w.ends[len(w.ends)-1]
	}, nil)
	w.check(err)
	w.listener.Divert(func(fd int, peer netip.AddrPort) {
		plain := func(first []byte) []byte { return append([]byte("plain: "), first...) }
		w.stop = w.server.Terminate(fd, netip.PrefixFrom(peer.Addr(), 32), plain, func(fd int, o tcp.Outside, err error) {
			_ = w.loop.Post(func() {
				if err != nil {
					w.failures = append(w.failures, err)
					return
				}
				w.check(w.listener.Adopt(fd, peer, w.listener.Local(), o))
			})
		})
	})
	t.Cleanup(w.close)
	return w
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// until turns until something has come about. Turns are short, as it may come about elsewhere.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			w.Fatalf("%s: not in time; %d connections, failures %v", what, len(w.ends), w.failures)
		}
		_, err := w.loop.Turn(5 * time.Millisecond)
		w.check(err)
	}
}

// close ends all, and waits until no goroutine is left.
func (w *world) close() {
	for _, e := range w.ends {
		e.conn.Close()
	}
	w.check(w.listener.Close())
	w.until("no goroutine, no turn and no connection is left", func() bool {
		return runtime.NumGoroutine() <= w.goroutines && carrying.inUse()+handshaking.inUse() == 0 && leaving.Load() == 0
	})
	w.check(w.loop.Close())
}

// dial connects without TLS.
func (w *world) dial() *net.TCPConn {
	w.Helper()
	conn, err := net.Dial("tcp", w.listener.Local().String())
	w.check(err)
	w.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// connect shakes hands, and returns both sides.
func (w *world) connect(version uint16) (*tls.Conn, *end) {
	w.Helper()
	_, config := identity()
	config = config.Clone()
	config.MinVersion, config.MaxVersion = version, version
	client, before := tls.Client(w.dial(), config), len(w.ends)
	w.background(client.Handshake)
	w.until("the connection is adopted", func() bool { return len(w.ends) > before })
	return client, w.ends[before]
}

// background runs f beside the loop, until it returns.
func (w *world) background(f func() error) {
	w.Helper()
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = f()
	}()
	w.until("the client is done", func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
	w.check(err)
}

var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// TestCarry carries much in both directions at once, in order.
func TestCarry(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			client, server := w.connect(version)
			if server.conn.Peer() != client.LocalAddr().(*net.TCPAddr).AddrPort() || server.conn.Local() != w.listener.Local() {
				t.Errorf("between %v and %v", server.conn.Peer(), server.conn.Local())
			}
			text := make([]byte, 1<<20)
			for i := range text {
				text[i] = byte(i * i >> 7)
			}
			var echo []byte
			server.onData = func(p []byte) { // what the queue has no room for is sent later
				echo = append(echo, p...)
			}
			sent := 0
			got := make([]byte, len(text))
			go func() {
				if _, err := client.Write(text); err != nil {
					t.Error(err)
				}
			}()
			read := make(chan error, 1)
			go func() {
				_, err := io.ReadFull(client, got)
				read <- err
			}()
			w.until("all is echoed", func() bool {
				if sent < len(echo) {
					var v [1]loop.Vector
					v[0].Set(echo[sent:])
					n, err := server.conn.Send(v[:])
					w.check(err)
					sent += n
				}
				select {
				case err := <-read:
					w.check(err)
					return true
				default:
					return false
				}
			})
			if !bytes.Equal(got, text) {
				t.Error("what was carried is another text")
			}
		})
	}
}

// TestLoopHangsUp has the loop say something and close: the client gets it, and a goodbye.
func TestLoopHangsUp(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			client, server := w.connect(version)
			text := bytes.Repeat([]byte("farewell "), 5000)
			w.check(server.conn.Write(text))
			server.conn.Close()
			var got []byte
			w.background(func() (err error) {
				got, err = io.ReadAll(client) // which is an error without a goodbye
				return err
			})
			if !bytes.Equal(got, text) {
				t.Errorf("%d bytes, want %d", len(got), len(text))
			}
			w.check(client.Close())
		})
	}
}

// TestClientHangsUp has clients end their side in order, without a goodbye, and by a reset.
func TestClientHangsUp(t *testing.T) {
	for name, hangUp := range map[string]func(c *tls.Conn) error{
		"goodbye":    (*tls.Conn).Close,
		"half":       (*tls.Conn).CloseWrite,
		"no goodbye": func(c *tls.Conn) error { return c.NetConn().Close() },
		"reset": func(c *tls.Conn) error {
			return errors.Join(c.NetConn().(*net.TCPConn).SetLinger(0), c.NetConn().Close())
		},
		"not TLS":   func(c *tls.Conn) error { return second(c.NetConn().Write([]byte("this is no TLS record"))) },
		"too large": func(c *tls.Conn) error { return second(c.NetConn().Write([]byte{23, 3, 3, 0xff, 0xff, 0})) },
		"half record": func(c *tls.Conn) error {
			return errors.Join(second(c.NetConn().Write([]byte{23, 3, 3, 0, 9})), c.NetConn().Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			client, server := w.connect(tls.VersionTLS13)
			w.background(func() error { return second(client.Write([]byte("hello"))) })
			w.until("the loop has it", func() bool { return string(server.got) == "hello" })
			w.background(func() error { return hangUp(client) })
			w.until("the loop is told", func() bool { return server.closed })
		})
	}
}

func second(_ int, err error) error { return err }

// TestStalledReader has a client read nothing: what is held is bounded and counted, and with
// ResetOnClose it is dropped at once.
func TestStalledReader(t *testing.T) {
	w := newWorld(t)
	client, server := w.connect(tls.VersionTLS13)
	const limit = 256 << 10
	w.check(server.conn.LimitSendBuffer(limit))
	sent := w.stall(server)
	held := server.conn.Held()
	// The client's kernel has acknowledged the rest.
	if most := 4*limit + 2*frameBytes + 2*bufferBytes; held < frameBytes || held > most {
		t.Errorf("%d bytes are held of %d, want %d to %d", held, sent, frameBytes, most)
	}
	t.Logf("sent %d, held %d", sent, held)
	w.check(server.conn.ResetOnClose())
	began := time.Now()
	server.conn.Close()
	w.until("its goroutines end", func() bool { return runtime.NumGoroutine() <= w.goroutines })
	if took := time.Since(began); took > closeTime/2 {
		t.Errorf("after %v", took)
	}
	w.background(func() error {
		if _, err := io.Copy(io.Discard, client); err == nil {
			return errors.New("the client is not told that the end is missing")
		}
		return nil
	})
}

// stall sends until nothing is taken for a while.
func (w *world) stall(server *end) (sent int) {
	w.Helper()
	var v [1]loop.Vector
	v[0].Set(make([]byte, 50<<10))
	for last := time.Now(); time.Since(last) < 300*time.Millisecond; {
		n, err := server.conn.Send(v[:])
		w.check(err)
		if sent += n; n > 0 {
			last = time.Now()
		}
		_, err = w.loop.Turn(5 * time.Millisecond)
		w.check(err)
	}
	return sent
}

// TestManyLeave has the loop close connections whose peers take nothing, while many others leave:
// they are cut off at once.
func TestManyLeave(t *testing.T) {
	w := newWorld(t)
	_, server := w.connect(tls.VersionTLS13)
	w.stall(server)
	leaving.Add(mostLeaving)
	began := time.Now()
	server.conn.Close()
	w.until("its goroutines end", func() bool { return runtime.NumGoroutine() <= w.goroutines })
	leaving.Add(-mostLeaving)
	if took := time.Since(began); took > closeTime/2 {
		t.Errorf("after %v", took)
	}
}

// TestSlowReader has the reader be slow, but read all: nothing is lost or changed.
func TestSlowReader(t *testing.T) {
	w := newWorld(t)
	client, server := w.connect(tls.VersionTLS12)
	sent := w.stall(server)
	server.conn.Close()
	got := 0
	w.background(func() error {
		n, err := io.Copy(io.Discard, client)
		got = int(n)
		return err
	})
	if got != sent {
		t.Errorf("%d bytes, want %d", got, sent)
	}
	w.check(client.Close())
}

// TestStrangers has clients connect that do not get as far as an end of the handshake.
func TestStrangers(t *testing.T) {
	for name, c := range map[string]struct {
		says   string
		answer string
		fails  string
	}{
		"RTSP":            {"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "plain: OPTIONS * RTSP/1.0\r\n", "plain text"},
		"no line":         {"OPTIONS", "", "plain text"},
		"no end":          {strings.Repeat("x", 5000), "plain: " + strings.Repeat("x", mostPlainBytes), "plain text"},
		"binary":          {"\x00\x01\x02", "", "plain text"},
		"SSL 2":           {"\x80\x2e\x01\x03\x01", "", "plain text"},
		"nothing":         {"", "", "not done in time"},
		"half a hello":    {"\x16\x03\x01\x02\x00\x01\x00", "", "not done in time"},
		"large record":    {"\x16\x03\x01\xff\xff\x01\x00", "\x15\x03\x01\x00\x02\x02\x16", "oversized record"},
		"no hello":        {"\x16\x03\x01\x00\x04\x02\x00\x00\x00", "\x15\x03\x01\x00\x02\x02", "tls: "},
		"nonsense":        {"\x16\x03\x01\x00\x04\x01\x00\x00\x00", "\x15\x03\x01\x00\x02\x02", ""},
		"endless message": {"\x16\x03\x01\x00\x04\x01\xff\xff\xff", "\x15\x03\x01\x00\x02\x02", "handshake message of length 16777215 bytes exceeds maximum"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.server.time = 200 * time.Millisecond
			client := w.dial()
			w.check(second(client.Write([]byte(c.says))))
			var got []byte
			w.background(func() error {
				got, _ = io.ReadAll(client) // it may be reset
				return client.Close()
			})
			w.until("the handshake fails", func() bool { return len(w.failures) == 1 })
			if !bytes.HasPrefix(got, []byte(c.answer)) || c.answer == "" && len(got) > 0 {
				t.Errorf("answered by %q, want %q", got, c.answer)
			}
			if !strings.Contains(w.failures[0].Error(), c.fails) || !strings.HasPrefix(w.failures[0].Error(), "TLS handshake: ") {
				t.Errorf("%v, want %q", w.failures[0], c.fails)
			}
		})
	}
}

// TestHangUpAtOnce has clients hang up before and after the first byte: the first ones are nothing to
// speak of.
func TestHangUpAtOnce(t *testing.T) {
	w := newWorld(t)
	for i, says := range []string{"", "\x16"} {
		client := w.dial()
		w.check(second(client.Write([]byte(says))))
		w.check(client.Close())
		w.until("the handshake fails", func() bool { return len(w.failures) == i+1 })
		if err := w.failures[i]; errors.Is(err, io.EOF) != (says == "") {
			t.Errorf("after %q: %v", says, err)
		}
	}
}

// TestRefusals has clients not agree with the server.
func TestRefusals(t *testing.T) {
	for name, change := range map[string]func(*tls.Config){
		"old":      func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"mistrust": func(c *tls.Config) { c.RootCAs = x509.NewCertPool() },
		"gone":     func(c *tls.Config) { c.VerifyConnection = func(tls.ConnectionState) error { return errors.New("no") } },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, config := identity()
			config = config.Clone()
			change(config)
			client := tls.Client(w.dial(), config)
			w.background(func() error {
				if client.Handshake() == nil {
					return errors.New("the client agrees")
				}
				return client.Close()
			})
			w.until("the handshake fails", func() bool { return len(w.failures) == 1 })
			t.Log(w.failures[0])
		})
	}
}

// bytewise is a connection whose writes are segments of single bytes.
type bytewise struct{ net.Conn }

func (b bytewise) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := b.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// fragments is a connection whose first record, the ClientHello, goes out as records of 7 bytes.
type fragments struct {
	net.Conn
	done bool
}

func (f *fragments) Write(p []byte) (int, error) {
	if f.done {
		return f.Conn.Write(p)
	}
	f.done = true
	var out []byte
	for rest := p[5:]; len(rest) > 0; {
		n := min(7, len(rest))
		out = append(append(out, p[0], p[1], p[2], 0, byte(n)), rest[:n]...)
		rest = rest[n:]
	}
	if _, err := f.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// TestFragments has ClientHellos come in pieces.
func TestFragments(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"bytes":   func(c net.Conn) net.Conn { return bytewise{c} },
		"records": func(c net.Conn) net.Conn { return &fragments{Conn: c} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, config := identity()
			client := tls.Client(wrap(w.dial()), config)
			w.background(client.Handshake)
			w.until("the connection is adopted", func() bool { return len(w.ends) == 1 })
			w.check(client.Close())
		})
	}
}

// TestStop ends handshakes from the loop, before they have begun and when the client waits.
func TestStop(t *testing.T) {
	w := newWorld(t)
	for _, says := range []string{"", "\x16\x03\x01"} {
		client := w.dial()
		w.check(second(client.Write([]byte(says))))
		w.stop = nil
		w.until("it begins", func() bool { return w.stop != nil })
		failed := len(w.failures)
		w.stop()
		w.until("it fails", func() bool { return len(w.failures) > failed })
		w.stop()
		w.background(func() error {
			_, _ = io.ReadAll(client) // it is told somehow
			return nil
		})
	}
	// After its end stop does nothing.
	client, server := w.connect(tls.VersionTLS13)
	w.stop()
	w.background(func() error { return second(client.Write([]byte("hello"))) })
	w.until("the loop has it", func() bool { return string(server.got) == "hello" })
	w.check(client.Close())
}
