package main

import (
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

// opened is the outcome of an offer.
type opened struct {
	session string // the end of its URL
	answer  []byte
	err     error
}

// watch answers an offer of WebRTC. It runs on a goroutine of net/http, and asks the loop.
func (a *app) watch(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, whep.MaxOfferBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	offer, err := whep.ParseOffer(text)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	outcome := make(chan opened, 1)
	request := requestOf(r)
	err = a.loop.Do(r.Context(), func() { a.open(request, offer, func(o opened) { outcome <- o }) })
	if err != nil { // the program is ending, or the client has gone
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	select {
	case o := <-outcome:
		if o.err != nil {
			refuse(w, o.err)
			return
		}
		w.Header().Set("Location", r.URL.Path+"/"+o.session)
		w.Header().Set("Content-Type", "application/sdp")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(o.answer)
	case <-r.Context().Done(): // a session that is opened now ends after cast.SetupTimeout
	}
}

// open asks the gate, waits for H.264 of the stream's pictures, and opens a session. It calls done once, on the loop.
func (a *app) open(r cast.Request, offer *whep.Offer, done func(opened)) {
	r.Action = cast.Watch
	name := r.Stream
	if a.broadcaster.Stream(name) == nil {
		r.Stream = "" // the gate is asked first: strangers do not learn which streams there are
	}
	a.broadcaster.Admit(r, func(g cast.Grant, err error) {
		if err != nil {
			done(opened{err: err})
			return
		}
		film, err := a.broadcaster.Stream(name).Rendition(media.H264)
		if err == nil && film == nil {
			err = errors.New("no H.264 can be made of the stream")
		}
		if err != nil {
			done(opened{err: &cast.Refusal{Kind: cast.NotCarried, Reason: err.Error()}})
			return
		}
		film.Await(func(err error) {
			var o opened
			if o.err = err; err == nil {
				o.session, _, o.answer, o.err = a.browsers.Open(film, r, g, offer, cast.PlayoutDelay{})
			}
			done(o)
		})
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
