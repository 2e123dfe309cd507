package tlsbridge

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/tcp"
)

// listen has a TLS server do something with one client.
func listen(t *testing.T, serve func(*tls.Conn) error) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			server, _ := identity()
			c := tls.Server(conn, server)
			if err = c.Handshake(); err == nil {
				err = serve(c)
			}
			err = errors.Join(err, conn.Close())
		}
		done <- err
	}()
	t.Cleanup(func() {
		listener.Close()
		if err := <-done; err != nil && !t.Failed() {
			t.Log(err)
		}
	})
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// TestDial has a client's loop be sent much, and then a goodbye.
func TestDial(t *testing.T) {
	w := newWorld(t)
	text := bytes.Repeat([]byte("a frame, "), 100_000)
	to := listen(t, func(c *tls.Conn) error {
		p := make([]byte, 5)
		if _, err := c.Read(p); err != nil || string(p) != "hello" {
			return errors.Join(err, errors.New(string(p)))
		}
		if _, err := c.Write(text); err != nil {
			return err
		}
		return c.CloseWrite()
	})
	var dialled Dialled
	w.background(func() (err error) {
		_, config := identity()
		dialled, err = Dial(t.Context(), to, config)
		return err
	})
	client := &end{}
	var err error
	client.conn, err = tcp.Adopt(w.loop, dialled.FD, dialled.Peer, dialled.Local, dialled.Outside, client)
	w.check(err)
	w.ends = append(w.ends, client)
	if client.conn.Peer() != to || !client.conn.Local().Addr().IsLoopback() {
		t.Errorf("from %v to %v", client.conn.Local(), client.conn.Peer())
	}
	w.check(client.conn.Write([]byte("hello")))
	w.until("the server says goodbye", func() bool { return client.closed })
	if client.err != nil || !bytes.Equal(client.got, text) {
		t.Errorf("%d bytes, %v; want %d", len(client.got), client.err, len(text))
	}
}

// TestDialFails has servers that are not there, that are others, and that say nothing.
func TestDialFails(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	at := func(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }
	for want, to := range map[string]netip.AddrPort{
		"connection refused": at(gone), "certificate": listen(t, func(*tls.Conn) error { return nil }), "not done in time": at(silent),
	} {
		_, config := identity()
		config = config.Clone()
		config.ServerName = "other"
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		d, err := Dial(ctx, to, config)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) || d.Outside != nil {
			t.Errorf("%v, want %q", err, want)
		}
	}
	w := newWorld(t)
	w.until("no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
}
