package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/receive"
)

// lister asks a broadcaster what streams there are.
type lister struct {
	viewer    *viewer
	session   *joinSession
	addresses []netip.Addr
	streams   []join.Stream
	err       error
}

// list prints the streams of a broadcaster, one per line.
func list(s *settings, stdout *os.File) (err error) {
	l, err := loop.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	v := &viewer{settings: s, loop: l, resolver: &resolver{loop: l, host: s.address.host}, room: udp.NewRoom(), end: stop}
	a := &lister{viewer: v, err: errors.New("interrupted")}
	v.resolver.resolve(func(found []netip.Addr, err error) {
		a.addresses = found
		a.next(err)
	})
	if err := l.Run(ctx); err != nil {
		return err
	}
	if a.err != nil {
		return a.err
	}
	stop() // from now on a signal ends the process, which may wait for its reader
	if s.json {
		return encodeStreams(stdout, a.streams)
	}
	return printStreams(stdout, a.streams)
}

// listed is a stream as --json prints it.
type listed struct {
	Name        string  `json:"name"`
	Width       int     `json:"width"`
	Height      int     `json:"height"`
	FPS         float64 `json:"fps"` // 0: not known
	PayloadType int     `json:"payload_type"`
	Encoding    string  `json:"encoding,omitempty"` // unless the payload type says it
}

// encodeStreams prints the streams as one JSON array.
func encodeStreams(w io.Writer, streams []join.Stream) error {
	all := []listed{}
	for _, s := range streams {
		all = append(all, listed{s.Name, int(s.Width), int(s.Height), float64(s.MilliFPS) / 1000, int(s.PayloadType), s.Encoding})
	}
	return json.NewEncoder(w).Encode(all)
}

// next asks at the host's next address, or gives up with the last one's error.
func (a *lister) next(err error) {
	if len(a.addresses) == 0 {
		a.err = err
		a.viewer.end()
		return
	}
	server := netip.AddrPortFrom(a.addresses[0], a.viewer.settings.address.port)
	a.addresses = a.addresses[1:]
	client := join.NewListClient(rand.Uint32(), newNonce())
	if a.session, err = startJoin(a.viewer, server, client, a); err != nil {
		a.next(err)
	}
}

// Started is a receive.Listener's: the list is complete.
func (a *lister) Started(receive.Start) {
	a.streams, _ = a.session.client.Streams()
	a.err = nil
	a.session.Close()
	a.viewer.end()
}

// RTP and RTCP are a receive.Listener's, and not for a list.
func (a *lister) RTP([]byte)  {}
func (a *lister) RTCP([]byte) {}

// Ended is a receive.Listener's: there was no answer.
func (a *lister) Ended(err error) { a.next(err) }

// printStreams prints a line for each stream: name, size, frames per second, format.
func printStreams(w io.Writer, streams []join.Stream) error {
	for _, s := range streams {
		rate, format := "? fps", fmt.Sprintf("payload type %d", s.PayloadType)
		if s.MilliFPS > 0 {
			rate = fmt.Sprintf("%.4g fps", float64(s.MilliFPS)/1000)
		}
		switch {
		case s.Encoding == "H264":
			format = "H.264"
		case s.Encoding == "H265":
			format = "H.265"
		case s.Encoding != "":
			format = printable(s.Encoding)
		case s.PayloadType == rtp.PayloadTypeJPEG:
			format = "JPEG"
		}
		if _, err := fmt.Fprintf(w, "%s\t%dx%d\t%s\t%s\n", printable(s.Name), s.Width, s.Height, rate, format); err != nil {
			return err
		}
	}
	return nil
}

// printable is a text of somebody else's that does nothing to a terminal.
func printable(text string) string {
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}
