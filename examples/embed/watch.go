package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/credentials"
	"github.com/camcast/camcast/proto/whep"
)

// This file has browsers watch by WebRTC at a path of the program's own. cast/http does so at /NAME/whep.

// watchAt is where offers are posted, on the server of the program.
const watchAt = "/watch/"

// outcome is what a step towards a session has come to: the gate's grant, or the session.
type outcome struct {
	grant   cast.Grant
	session string // the end of its URL
	answer  []byte
	err     error
}

// watch answers an offer of WebRTC. It runs on a goroutine of net/http, and asks the loop: first the gate, as reading an offer
// takes a hundred times longer than asking, and then for a session.
func (a *app) watch(w http.ResponseWriter, r *http.Request) {
	request := requestOf(r)
	admitted := a.ask(r.Context(), func(done func(outcome)) { a.admit(request, done) })
	if admitted.err != nil {
		refuse(w, admitted.err)
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, whep.MaxOfferBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	offer, err := whep.ParseOffer(text)
	if refusal, ok := errors.AsType[*whep.Refusal](err); ok { // an offer, but of what the server does not send
		refuse(w, &cast.Refusal{Kind: cast.NotCarried, Reason: refusal.Reason})
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	opened := a.ask(r.Context(), func(done func(outcome)) { a.open(request, admitted.grant, offer, done) })
	if opened.err != nil {
		refuse(w, opened.err)
		return
	}
	w.Header().Set("Location", r.URL.Path+"/"+opened.session)
	w.Header().Set("Content-Type", "application/sdp")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(opened.answer)
}

// ask calls a step on the loop, and waits until it calls done. If the client goes meanwhile, a session that is opened all the same
// ends after cast.SetupTimeout.
func (a *app) ask(ctx context.Context, step func(done func(outcome))) outcome {
	came := make(chan outcome, 1)
	err := a.loop.Do(ctx, func() { step(func(o outcome) { came <- o }) })
	if err == nil {
		select {
		case o := <-came:
			return o
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return outcome{err: &cast.Refusal{Kind: cast.Unavailable, Reason: err.Error()}} // the program is ending, or the client has gone
}

// admit asks the gate. It calls done once, on the loop.
func (a *app) admit(r cast.Request, done func(outcome)) {
	r.Action = cast.Watch
	if a.broadcaster.Stream(r.Stream) == nil {
		r.Stream = "" // the gate is asked first: strangers do not learn which streams there are
	}
	a.broadcaster.Admit(r, func(g cast.Grant, err error) { done(outcome{grant: g, err: err}) })
}

// open waits for H.264 of the stream's pictures, and opens a session. It calls done once, on the loop.
func (a *app) open(r cast.Request, g cast.Grant, offer *whep.Offer, done func(outcome)) {
	stream := a.broadcaster.Stream(r.Stream)
	if stream == nil { // it has ended since
		done(outcome{err: &cast.Refusal{Kind: cast.NoSuchStream}})
		return
	}
	film, err := stream.Rendition(media.H264)
	if err == nil && film == nil {
		err = errors.New("no H.264 can be made of the stream")
	}
	if err != nil {
		done(outcome{err: &cast.Refusal{Kind: cast.NotCarried, Reason: err.Error()}})
		return
	}
	film.Await(func(err error) {
		var o outcome
		if o.err = err; err == nil {
			o.session, _, o.answer, o.err = a.browsers.Open(film, r, g, offer, cast.PlayoutDelay{})
		}
		done(o)
	})
}

// hangUp ends a session by its URL, which nobody can guess. It belongs to the loop.
func (a *app) hangUp(r *http.Request) error {
	session, _, _ := a.browsers.Find(r.PathValue("stream"), r.PathValue("session"), guest)
	if session == nil {
		return errors.New("there is no such session")
	}
	session.Gone("closed")
	return nil
}

// requestOf is what the gate is told of a request: who asks, and to which address of this machine. The address is also the
// first one that the browser is told to send to.
func requestOf(r *http.Request) cast.Request {
	q := cast.Request{Protocol: cast.WebRTC, Stream: r.PathValue("stream"), Secure: r.TLS != nil}
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	q.Peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		q.Local = netip.AddrPortFrom(local.AddrPort().Addr().Unmap(), local.AddrPort().Port())
	}
	// In clear text, as this server is reached from this machine alone, or over TLS.
	if c, ok := credentials.Parse(r.Header.Get("Authorization"), r.Method, cast.Realm); ok && c.IsBasic() {
		q.Credentials = cast.Authorization{Credentials: c}
	}
	return q
}

// refuse answers a request that is refused, by the status of HTTP for it.
func refuse(w http.ResponseWriter, err error) {
	refusal, status := cast.RefusalOf(err), http.StatusForbidden
	switch refusal.Kind {
	case cast.Unauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="`+cast.Realm+`"`)
		status = http.StatusUnauthorized
	case cast.NoSuchStream:
		status = http.StatusNotFound
	case cast.NotCarried:
		status = http.StatusNotAcceptable
	case cast.LimitReached, cast.AddressLimitReached, cast.Busy, cast.Unavailable:
		status = http.StatusServiceUnavailable
	}
	http.Error(w, refusal.Error(), status)
}
