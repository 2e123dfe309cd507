package join_test

import (
	"bytes"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
)

// FuzzRequest has what a broadcaster understands be understood in the same way when it is written
// again, and answers to somebody who has proved nothing be no longer than the request.
func FuzzRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, packet []byte) {
		before := bytes.Clone(packet)
		r, err := join.ParseRequest(packet)
		if err != nil {
			return
		}
		if !join.Is(packet) {
			t.Fatal("a request that is no message")
		}
		again, err := join.ParseRequest(join.AppendRequest([]byte("..."), r)[3:])
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%+v is written as %+v, %v", r, again, err)
		}
		if n := len(join.AppendChallenge(nil, &r, join.Cookie{})); n > len(packet) {
			t.Fatalf("%d bytes are answered by %d", len(packet), n)
		}
		if !bytes.Equal(packet, before) {
			t.Fatal("the packet is changed")
		}
	})
}

// FuzzAnswer has what a reader understands be understood in the same way when it is written again.
func FuzzAnswer(f *testing.F) {
	f.Fuzz(func(t *testing.T, packet []byte) {
		before := bytes.Clone(packet)
		a, err := join.ParseAnswer(packet)
		if err != nil {
			return
		}
		kinds := 0
		for _, kind := range []bool{a.Challenge != nil, a.Accepted != nil, a.Refused != 0, a.Streams != nil} {
			if kind {
				kinds++
			}
		}
		if kinds != 1 {
			t.Fatalf("%+v is %d answers", a, kinds)
		}
		again, err := join.ParseAnswer(written(a, []byte("..."))[3:])
		if a.Streams != nil { // as many as a broadcaster can send
			n := len(again.Streams.Streams)
			if n > len(a.Streams.Streams) || !slices.Equal(again.Streams.Streams, a.Streams.Streams[:n]) || err != nil {
				t.Fatalf("%+v is written as %+v, %v", a.Streams, again.Streams, err)
			}
		} else if err != nil || !reflect.DeepEqual(again, a) {
			t.Fatalf("%+v is written as %+v, %v", a, again, err)
		}
		if !bytes.Equal(packet, before) {
			t.Fatal("the packet is changed")
		}
	})
}

// written appends an answer as a broadcaster would write it.
func written(a join.Answer, dst []byte) []byte {
	r := join.Request{Nonce: a.Nonce}
	switch {
	case a.Challenge != nil:
		return join.AppendChallenge(dst, &r, *a.Challenge)
	case a.Accepted != nil:
		return join.AppendAcceptance(dst, &r, a.Accepted)
	case a.Streams != nil:
		r.First = uint8(a.Streams.First)
		return join.AppendStreams(dst, &r, a.Streams.First+len(a.Streams.Streams), func(i int) join.Stream { return a.Streams.Streams[i-a.Streams.First] })
	}
	return join.AppendRefusal(dst, &r, a.Refused)
}

// FuzzClient has a reader be sent any messages: each as many bytes as the first one says, with the
// nonce that the reader expects. It asks no more often than it is answered, and ends once.
func FuzzClient(f *testing.F) {
	f.Fuzz(func(t *testing.T, list bool, in []byte) {
		c := join.NewClient("cam", 5, nonce)
		if list {
			c = join.NewListClient(5, nonce)
		}
		now, over := time.Hour, false
		asked := c.Start(now, nil)
		for len(in) > 0 {
			if r, err := join.ParseRequest(asked); len(asked) > 0 && (err != nil || r.Nonce != nonce || r.List != list || r.SSRC != 5) {
				t.Fatalf("it asks % x: %+v, %v", asked, r, err)
			}
			n := min(int(in[0]), len(in)-1)
			packet := bytes.Clone(in[1 : 1+n])
			in = in[1+n:]
			if len(packet) >= 20 {
				copy(packet[12:], nonce[:])
			}
			var err error
			if n == 0 {
				now, _ = c.Next()
				asked, err = c.Expire(now, nil)
			} else {
				asked, err = c.Receive(now, packet, nil)
			}
			_, waiting := c.Next()
			streams, complete := c.Streams()
			switch {
			case over && (err != nil || waiting || len(asked) > 0):
				t.Fatalf("it was over, and then: %v, it asks % x", err, asked)
			case err != nil && (waiting || len(asked) > 0 || c.Accepted() != nil):
				t.Fatalf("it waits, or has joined, after %v", err)
			case list && c.Accepted() != nil, !list && (complete || len(streams) > 0):
				t.Fatal("it got what it did not ask for")
			case !waiting && err == nil && !complete && c.Accepted() == nil && !over:
				t.Fatal("it is over without a result")
			}
			over = !waiting
		}
	})
}

// FuzzCookie has a cookie be valid only for the request that it was made for.
func FuzzCookie(f *testing.F) {
	f.Fuzz(func(t *testing.T, cookie, ip []byte, port uint16, stream string, list bool, milliseconds uint32) {
		address, ok := netip.AddrFromSlice(ip)
		if !ok {
			return
		}
		from, now := netip.AddrPortFrom(address, port), time.Duration(milliseconds)*time.Millisecond
		r := join.Request{List: list, Stream: []byte(stream[:min(len(stream), join.MaxNameBytes)])}
		copy(r.Cookie[:], cookie)
		cookies := join.NewCookies(secret())
		if cookies.Valid(now, from, &r) {
			t.Fatalf("%x, which nobody has made, is valid", cookie)
		}
		forged := r.Cookie
		r.Cookie = cookies.Make(now, from, &r)
		if !cookies.Valid(now, from, &r) || !cookies.Valid(now+join.CookieLifetime, from, &r) || cookies.Valid(now+join.CookieLifetime+time.Millisecond, from, &r) {
			t.Fatalf("%x is not valid for just its life", r.Cookie)
		}
		for i := range forged {
			r.Cookie[i] ^= forged[i]
		}
		if forged != (join.Cookie{}) && cookies.Valid(now, from, &r) {
			t.Fatalf("%x is valid, too", r.Cookie)
		}
	})
}
