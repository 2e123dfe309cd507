// Command embed shows how a program embeds cast beside net/http: it broadcasts pictures that it
// draws itself, decides who may watch, and lists and ends readers by HTTP.
//
//	go run ./examples/embed -deny 192.0.2.7 -password secret -tls-cert cert.pem -tls-key key.pem
//
// All flags may be left out; camcast certificate makes the two files. It prints its addresses: the last one is a page
// that shows the stream in a browser, by WebRTC.
// With -password viewers prove it: rtsp://guest:secret@127.0.0.1:8554/clock. Play the stream with any RTSP player, and then:
//
//	curl    http://127.0.0.1:8080/sessions           # list the readers
//	curl -X DELETE http://127.0.0.1:8080/sessions/1  # end one
//	curl -X DELETE http://127.0.0.1:8080/streams/clock
//	curl -X PUT    http://127.0.0.1:8080/streams/clock
//
// Programs of browsers that have a page of their own post an offer of WebRTC to http://127.0.0.1:8080/watch/clock (watch.go).
//
// The loop runs on one goroutine, which owns the Broadcaster, its streams and its sessions. All
// other goroutines - net/http's, and the one that draws - hand functions over to it by Loop.Do.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/capture/recode"
	"github.com/camcast/camcast/cast"
	casthttp "github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/cast/webrtc"
	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/tlsbridge"
)

func main() {
	o := options{http: "127.0.0.1:8080", rtsp: netip.MustParseAddrPort("[::]:8554"), rtp: netip.MustParseAddrPort("[::]:5004"), rtsps: netip.MustParseAddrPort("[::]:8322"),
		page: netip.MustParseAddrPort("127.0.0.1:8081")}
	flag.Func("deny", "address that may not watch", func(s string) (err error) {
		o.denied, err = netip.ParseAddr(s)
		return err
	})
	flag.StringVar(&o.password, "password", "", "what viewers must prove, as the user guest")
	flag.StringVar(&o.cert, "tls-cert", "", "certificate, to be watched by rtsps://, too")
	flag.StringVar(&o.key, "tls-key", "", "the certificate's key")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// options are where the program is reached, and who may not watch.
type options struct {
	http                   string
	rtsp, rtp, rtsps, page netip.AddrPort
	denied                 netip.Addr
	password               string // "": none is asked for
	cert, key              string // files; "": no rtsps://
}

// app is the program. loop may be used by any goroutine, by Do; the rest belongs to the loop's.
type app struct {
	loop        *loop.Loop
	broadcaster *cast.Broadcaster
	browsers    *webrtc.Server
	clock       *cast.Stream // nil while it is removed
}

// run serves until ctx is done. It writes one line to out: where the program is reached.
func run(ctx context.Context, o options, out io.Writer) error {
	l, err := loop.New()
	if err != nil {
		return err
	}
	defer l.Close()
	g, err := newGate(o)
	if err != nil {
		return err
	}
	b, err := cast.New(l, cast.Config{RTP: o.rtp, Gate: g, SRTP: o.cert != "", Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	defer b.Close()
	front, err := rtsp.Listen(b, o.rtsp, rtsp.Options{Name: "embed"})
	if err != nil {
		return err
	}
	urls := fmt.Sprintf("rtsp://127.0.0.1:%d/clock", front.Port())
	if o.cert != "" {
		secure, err := listenTLS(b, o)
		if err != nil {
			return err
		}
		urls += fmt.Sprintf(" rtsps://127.0.0.1:%d/clock", secure.Port())
	}
	join.Serve(b)
	browsers, err := webrtc.Serve(b, webrtc.Options{}) // its pictures come from the port of RTP
	if err != nil {
		return err
	}
	page, err := casthttp.Serve(b, o.page, casthttp.Options{WHEP: browsers})
	if err != nil {
		return err
	}
	urls += fmt.Sprintf(" http://127.0.0.1:%d/", page.Port())
	a := &app{loop: l, broadcaster: b, browsers: browsers}
	if err := a.add(); err != nil {
		return err
	}

	listener, err := net.Listen("tcp", o.http)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: a.handler()}
	defer server.Close()
	go server.Serve(listener)
	go a.draw(ctx)
	fmt.Fprintf(out, "http://%v %s\n", listener.Addr(), urls)
	if err := l.Run(ctx); err != nil {
		return err
	}
	left, gone := context.WithCancel(context.Background()) // viewers are told goodbye, and hang up
	b.Leave(gone)
	return l.Run(left)
}

// listenTLS serves the streams by rtsps://, too. What is asked for there goes by SRTP, over UDP, or on
// the encrypted connection.
func listenTLS(b *cast.Broadcaster, o options) (*rtsp.Server, error) {
	c, err := certificate.Load(o.cert, o.key, time.Now())
	if err != nil {
		return nil, err
	}
	bridge := tlsbridge.NewServer(&tls.Config{Certificates: []tls.Certificate{*c}})
	return rtsp.Listen(b, o.rtsps, rtsp.Options{Name: "embed", TLS: bridge})
}

// toH264 makes H.264 of pictures, which WebRTC needs, beside the loop. It is called when the first browser comes. Without
// OpenH264 the browser is told what to install, and the page shows the JPEGs.
func toH264(pictures capture.Source) (capture.Source, error) {
	return recode.New(pictures, func() (recode.Encoder, error) { return encode.NewH264(encode.H264Options{}) }), nil
}

// guest is the only user there is.
const guest = "guest"

// gate admits everybody who proves the password, but for one address. It answers as a database would:
// later, and from another goroutine. Nobody else waits meanwhile. (auth.Gate has many users, and
// slows down those who guess.)
type gate struct {
	denied netip.Addr
	secret *cast.Secret // nil: no password is asked for
}

func newGate(o options) (g gate, err error) {
	g.denied = o.denied
	if o.password != "" {
		var secret cast.Secret
		secret, err = cast.NewSecret(guest, o.password)
		g.secret = &secret
	}
	return g, err
}

func (g gate) Admit(r cast.Request, answer func(cast.Grant, error)) {
	time.AfterFunc(100*time.Millisecond, func() {
		switch {
		case r.Peer.Addr() == g.denied:
			answer(cast.Grant{}, &cast.Refusal{Kind: cast.Forbidden, Reason: "not from your address"})
		case g.secret != nil && !r.Verify(*g.secret): // r.User is only a name, which anybody can give
			answer(cast.Grant{}, &cast.Refusal{Kind: cast.Unauthorized, Reason: "wrong user or password"})
		default:
			answer(cast.Grant{User: guest}, nil)
		}
	})
}

// add adds the stream. Its pictures come from the program, so it has no source.
func (a *app) add() error {
	clock, err := a.broadcaster.AddStream("clock", nil, cast.StreamOptions{Encode: toH264})
	if err != nil {
		return err
	}
	a.clock = clock
	return nil
}

// remove ends the stream: its readers are told goodbye, and its name is free.
func (a *app) remove() error {
	if a.clock == nil {
		return errors.New("there is no such stream")
	}
	err := a.clock.Close()
	a.clock = nil
	return err
}

// list writes a line for each reader.
func (a *app) list(w io.Writer) {
	for s := range a.broadcaster.Sessions() {
		f := s.Figures()
		fmt.Fprintf(w, "%d %s %s %v %v %v frames=%d\n", s.ID(), s.Stream().Name(), s.User(), s.Protocol(), f.Transport, s.Peer(), f.Frames)
	}
}

// end ends one reader.
func (a *app) end(id uint64) error {
	s, ok := a.broadcaster.Session(id)
	if !ok {
		return errors.New("there is no such session")
	}
	s.End("ended by HTTP")
	return nil
}

// handler answers HTTP. Its functions run on net/http's goroutines, and ask the loop.
func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(w io.Writer, r *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			var text writer
			var failed error
			err := a.loop.Do(r.Context(), func() { failed = f(&text, r) })
			switch {
			case err != nil: // the program is ending, or the client has gone
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
			case failed != nil:
				http.Error(w, failed.Error(), http.StatusBadRequest)
			default:
				_, _ = w.Write(text)
			}
		})
	}
	handle("GET /sessions", func(w io.Writer, _ *http.Request) error { a.list(w); return nil })
	handle("DELETE /sessions/{id}", func(_ io.Writer, r *http.Request) error {
		id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
		if err != nil {
			return err
		}
		return a.end(id)
	})
	mux.HandleFunc("POST "+watchAt+"{stream}", a.watch)
	handle("DELETE "+watchAt+"{stream}/{session}", func(_ io.Writer, r *http.Request) error { return a.hangUp(r) })
	handle("PUT /streams/clock", func(io.Writer, *http.Request) error { return a.add() })
	handle("DELETE /streams/clock", func(io.Writer, *http.Request) error { return a.remove() })
	return mux
}

// writer keeps what is written: the loop must not wait for a slow HTTP client.
type writer []byte

func (w *writer) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}
