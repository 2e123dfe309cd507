package join_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
)

// TestFiveChallenges has the fifth cookie still be tried, as PROTOCOL.md says, and no sixth.
func TestFiveChallenges(t *testing.T) {
	c := join.NewClient("cam", 5, nonce)
	c.Start(0, nil)
	for i := range 6 {
		cookie := join.Cookie{byte(i)}
		out, err := c.Receive(0, join.AppendChallenge(nil, &ask, cookie), nil)
		if i < 5 {
			if r, parseErr := join.ParseRequest(out); err != nil || parseErr != nil || r.Cookie != cookie {
				t.Fatalf("challenge %d: %v, it asks % x", i+1, err, out)
			}
		} else if !errors.Is(err, join.ErrChallenges) || len(out) > 0 {
			t.Errorf("challenge 6: %v, it asks % x", err, out)
		}
	}
}

// TestPatienceBeginsWithTheStart has a reader give up ten seconds after it has begun, or was
// answered, whatever the clock says.
func TestPatienceBeginsWithTheStart(t *testing.T) {
	const began, answered = time.Hour, time.Hour + 3*time.Second
	for since, answer := range map[time.Duration][]byte{began: nil, answered: join.AppendChallenge(nil, &ask, join.Cookie{1})} {
		c := join.NewClient("cam", 5, nonce)
		c.Start(began, nil)
		if _, err := c.Receive(since, answer, nil); err != nil {
			t.Fatal(err)
		}
		if out, err := c.Expire(since+10*time.Second-1, nil); err != nil || len(out) == 0 {
			t.Errorf("just before ten seconds: %v, it asks % x", err, out)
		}
		if out, err := c.Expire(since+10*time.Second, nil); !errors.Is(err, join.ErrNoAnswer) || len(out) > 0 {
			t.Errorf("after ten seconds: %v, it asks % x", err, out)
		}
	}
}

// listOf is the answer that a broadcaster of so many streams gives to a request.
func listOf(t *testing.T, request []byte, total int, of string) []byte {
	t.Helper()
	r, err := join.ParseRequest(request)
	if err != nil || !r.List {
		t.Fatalf("it asks % x: %+v, %v", request, r, err)
	}
	return join.AppendStreams(nil, &r, total, func(i int) join.Stream { return join.Stream{Name: of + strings.Repeat("x", 200)} })
}

// TestListEndsWithItsLastStream has nothing be asked for that is there already.
func TestListEndsWithItsLastStream(t *testing.T) {
	c := join.NewListClient(5, nonce)
	out, requests := c.Start(0, nil), 1
	for len(out) > 0 {
		var err error
		if out, err = c.Receive(0, listOf(t, out, 10, "a"), nil); err != nil {
			t.Fatal(err)
		}
		if len(out) > 0 {
			requests++
		}
	}
	// Five streams of 215 bytes fit into a message of 1200.
	if streams, complete := c.Streams(); !complete || len(streams) != 10 || requests != 2 {
		t.Errorf("%d streams by %d requests, complete: %v; want 10 by 2", len(streams), requests, complete)
	}
}

// TestListBeginsAnew has the number of streams change with each part of the list: that is asked
// for from the beginning, three times, and then taken as it comes.
func TestListBeginsAnew(t *testing.T) {
	c := join.NewListClient(5, nonce)
	out, beginnings := c.Start(0, nil), 0
	for part := 0; len(out) > 0; part++ {
		if r, _ := join.ParseRequest(out); r.First == 0 {
			beginnings++
		}
		if part > 50 {
			t.Fatal("it asks for the list without end")
		}
		var err error
		if out, err = c.Receive(0, listOf(t, out, 20+part%2, string(rune('a'+part))), nil); err != nil {
			t.Fatal(err)
		}
	}
	streams, complete := c.Streams()
	if !complete || beginnings != 4 || len(streams) < 20 {
		t.Errorf("%d streams, complete: %v; begun %d times, want 4", len(streams), complete, beginnings)
	}
	for _, s := range streams[1:] {
		if first := streams[0].Name[0]; s.Name[0] < first {
			t.Errorf("stream %c is of an earlier list than the first, %c", s.Name[0], first)
		}
	}
}

// TestIsNeedsItsHeaderAlone: what is no message of ours is RTCP, which goes elsewhere.
func TestIsNeedsItsHeaderAlone(t *testing.T) {
	header := join.AppendRequest(nil, ask)[:12]
	if !join.Is(header) || join.Is(header[:11]) {
		t.Errorf("12 bytes: %v, 11 bytes: %v; want true and false", join.Is(header), join.Is(header[:11]))
	}
}

// TestFullMessage has 14 streams fill a message to its last byte, behind other bytes in the
// buffer: a longer list is cut there, and one byte more leaves a stream out.
func TestFullMessage(t *testing.T) {
	list := join.Request{List: true, Nonce: nonce}
	for length, want := range map[int]int{70: 14, 71: 13} {
		before := []byte("abc")
		message := join.AppendStreams(before, &list, 30, func(i int) join.Stream { return join.Stream{Name: strings.Repeat("n", length)} })[len(before):]
		a, err := join.ParseAnswer(message)
		if err != nil || len(message) > join.MaxMessageBytes || len(a.Streams.Streams) != want || a.Streams.Total != 30 {
			t.Errorf("names of %d bytes: %d bytes, %+v, %v; want %d streams", length, len(message), a.Streams, err, want)
		}
	}
}
