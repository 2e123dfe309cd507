package join_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
)

// server answers as a broadcaster does, with these streams.
type server struct {
	cookies *join.Cookies
	streams []join.Stream
	joined  int
}

func (s *server) answer(now time.Duration, from netip.AddrPort, packet []byte) []byte {
	r, err := join.ParseRequest(packet)
	if err != nil {
		return nil
	}
	switch {
	case !s.cookies.Valid(now, from, &r):
		return join.AppendChallenge(nil, &r, s.cookies.Make(now, from, &r))
	case r.List:
		return join.AppendStreams(nil, &r, len(s.streams), func(i int) join.Stream { return s.streams[i] })
	}
	for _, stream := range s.streams {
		if stream.Name == string(r.Stream) {
			s.joined++
			return join.AppendAcceptance(nil, &r, &join.Acceptance{SSRC: 9, Stream: stream, Timeout: time.Minute, Readers: 3})
		}
	}
	return join.AppendRefusal(nil, &r, join.NoSuchStream)
}

// talk has a client and a server talk over a network that loses packets.
func talk(c *join.Client, s *server, lost func() bool) (now time.Duration, err error) {
	out := c.Start(now, nil)
	for {
		var in []byte
		if len(out) > 0 && !lost() {
			in = s.answer(now, peer, out)
		}
		if out = nil; len(in) > 0 && !lost() {
			if out, err = c.Receive(now, in, nil); err != nil {
				return now, err
			}
			if len(out) > 0 {
				continue
			}
		}
		next, waiting := c.Next()
		if !waiting {
			return now, nil
		}
		now = next
		if out, err = c.Expire(now, nil); err != nil {
			return now, err
		}
	}
}

func never() bool { return false }

func TestJoining(t *testing.T) {
	s := &server{cookies: join.NewCookies(secret()), streams: []join.Stream{acceptance.Stream}}
	c := join.NewClient("cam", 5, nonce)
	if _, err := talk(c, s, never); err != nil {
		t.Fatal(err)
	}
	if a := c.Accepted(); a == nil || a.SSRC != 9 || a.Stream != acceptance.Stream || a.Timeout != time.Minute || a.Readers != 3 {
		t.Errorf("%+v", a)
	}
	_, err := talk(join.NewClient("other", 5, nonce), s, never)
	if refused := (*join.RefusedError)(nil); !errors.As(err, &refused) || refused.Reason != join.NoSuchStream {
		t.Errorf("another stream: %v", err)
	}
}

// TestEveryReasonRefuses has a reader refused for each reason, those it does not know included: they end the join at once,
// each in words or a number of its own.
func TestEveryReasonRefuses(t *testing.T) {
	said := map[string]join.Reason{}
	for _, reason := range []join.Reason{1, join.Forbidden, join.NoSuchStream, join.AddressFull, join.Full, join.Unavailable, 0, 499, 65535} {
		c := join.NewClient("cam", 5, nonce)
		c.Start(0, nil)
		request := join.Request{Nonce: nonce}
		out, err := c.Receive(0, join.AppendRefusal(nil, &request, reason), nil)
		refused := (*join.RefusedError)(nil)
		if !errors.As(err, &refused) || refused.Reason != max(reason, 1) || len(out) > 0 {
			t.Errorf("reason %d: %v, asked %x", reason, err, out)
			continue
		}
		if before, ok := said[err.Error()]; ok && max(before, 1) != max(reason, 1) {
			t.Errorf("reasons %d and %d are both told as %q", before, reason, err)
		}
		said[err.Error()] = reason
		if _, waiting := c.Next(); waiting {
			t.Errorf("reason %d: the reader asks again", reason)
		}
	}
}

func TestJoiningOverALossyNetwork(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, seed))
		s := &server{cookies: join.NewCookies(secret()), streams: []join.Stream{acceptance.Stream}}
		c := join.NewClient("cam", 5, nonce)
		if now, err := talk(c, s, func() bool { return random.IntN(4) == 0 }); err != nil && !errors.Is(err, join.ErrNoAnswer) {
			t.Fatalf("seed %d: %v after %v", seed, err, now)
		} else if err == nil && c.Accepted() == nil {
			t.Fatalf("seed %d: over, and not accepted", seed)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	s := &server{cookies: join.NewCookies(secret())}
	now, err := talk(join.NewClient("cam", 5, nonce), s, func() bool { return true })
	if !errors.Is(err, join.ErrNoAnswer) || now < 10*time.Second || now > 15*time.Second {
		t.Errorf("%v after %v", err, now)
	}
	// A server that never takes its cookies back.
	c := join.NewClient("cam", 5, nonce)
	out := c.Start(0, nil)
	for range 10 {
		r, _ := join.ParseRequest(out)
		if out, err = c.Receive(0, join.AppendChallenge(nil, &r, join.Cookie{1}), nil); err != nil {
			break
		}
	}
	if !errors.Is(err, join.ErrChallenges) {
		t.Errorf("ten challenges: %v", err)
	}
}

// TestRequestsAreRepeated looks at the clock: PROTOCOL.md, section 8.
func TestRequestsAreRepeated(t *testing.T) {
	c := join.NewClient("cam", 5, nonce)
	first := c.Start(0, nil)
	var at []time.Duration
	for {
		next, waiting := c.Next()
		if !waiting {
			t.Fatal("it gives up without a word")
		}
		again, err := c.Expire(next, nil)
		at = append(at, next)
		if err != nil {
			break
		}
		if !bytes.Equal(again, first) {
			t.Errorf("after %v it asks % x, and first % x", next, again, first)
		}
	}
	want := []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond, 7500 * time.Millisecond, 11500 * time.Millisecond}
	if !slices.Equal(at, want) {
		t.Errorf("repeated at %v, the last of which is the end; want %v", at, want)
	}
}

func TestForgedAnswersChangeNothing(t *testing.T) {
	c := join.NewClient("cam", 5, nonce)
	c.Start(0, nil)
	other := ask
	other.Nonce[7]++
	for _, forged := range [][]byte{
		join.AppendAcceptance(nil, &other, &acceptance), join.AppendRefusal(nil, &other, join.Full),
		join.AppendChallenge(nil, &other, join.Cookie{9}), []byte("junk"), nil,
	} {
		if out, err := c.Receive(0, forged, nil); len(out) > 0 || err != nil || c.Accepted() != nil {
			t.Errorf("% x is answered by % x, %v", forged, out, err)
		}
	}
}

func TestListing(t *testing.T) {
	s := &server{cookies: join.NewCookies(secret())}
	for i := range 100 { // more than one message holds
		stream := acceptance.Stream
		stream.Name = fmt.Sprintf("%s-%d", strings.Repeat("camera", 5), i)
		s.streams = append(s.streams, stream)
	}
	c := join.NewListClient(5, nonce)
	if _, err := talk(c, s, never); err != nil {
		t.Fatal(err)
	}
	got, complete := c.Streams()
	if !complete || !slices.Equal(got, s.streams) {
		t.Errorf("%d streams, complete is %v", len(got), complete)
	}
	s.streams = nil
	c = join.NewListClient(5, nonce)
	if _, err := talk(c, s, never); err != nil {
		t.Fatal(err)
	}
	if got, complete := c.Streams(); !complete || len(got) != 0 {
		t.Errorf("no streams: %v, %v", got, complete)
	}
}

// TestListChanges has the list become another one while it is asked for, once or all the time.
func TestListChanges(t *testing.T) {
	for changes, complete := range map[int]bool{1: true, 1000: false} {
		s := &server{cookies: join.NewCookies(secret())}
		for i := range 100 {
			stream := acceptance.Stream
			stream.Name = fmt.Sprintf("%s-%d", strings.Repeat("camera", 5), i)
			s.streams = append(s.streams, stream)
		}
		c := join.NewListClient(5, nonce)
		answers := 0
		changing := func() bool { // asked before each message
			if answers++; answers > 6 && answers < 6+4*changes && len(s.streams) > 1 && answers%4 == 0 {
				s.streams = s.streams[:len(s.streams)-1]
			}
			return false
		}
		if _, err := talk(c, s, changing); err != nil {
			t.Fatal(err)
		}
		got, ended := c.Streams()
		if !ended || complete && !slices.Equal(got, s.streams) {
			t.Errorf("%d changes: %d streams of %d, ended: %v", changes, len(got), len(s.streams), ended)
		}
	}
}

// TestRefusalWithoutReason is a refusal all the same.
func TestRefusalWithoutReason(t *testing.T) {
	c := join.NewClient("cam", 5, nonce)
	request, err := join.ParseRequest(c.Start(0, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Receive(0, join.AppendRefusal(nil, &request, 0), nil); err == nil {
		t.Error("no error")
	}
}
