package join

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/camcast/camcast/loop/udp"
	protocol "github.com/camcast/camcast/proto/join"
)

func newTestQueue() *queue {
	q := &queue{}
	q.init([32]byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	return q
}

// from is a datagram from an address.
func from(ip [4]byte, port uint16) udp.Datagram {
	return udp.Datagram{From: netip.AddrPortFrom(netip.AddrFrom4(ip), port), Payload: []byte("anything")}
}

// TestQueueKeepsOrder has requests come and be answered in turn, and each be what it was.
func TestQueueKeepsOrder(t *testing.T) {
	q := newTestQueue()
	in, out := 0, 0
	for round := range 50 {
		for range round * 10 % queueRequests {
			name := []byte(fmt.Sprint("stream", in))
			q.add(from([4]byte{10, 0, byte(in >> 8), byte(in)}, 7000), &protocol.Request{First: byte(in), Stream: name})
			clear(name) // it is a part of the datagram, whose memory is used again
			in++
		}
		for q.size > round%3 {
			r := q.next()
			if want := fmt.Sprint("stream", out); string(r.request.Stream) != want || r.request.First != byte(out) ||
				r.from.From.Addr() != netip.AddrFrom4([4]byte{10, 0, byte(out >> 8), byte(out)}) || r.from.Payload != nil {
				t.Fatalf("request %d is %s of %v", out, r.request.Stream, r.from.From)
			}
			out++
		}
	}
	for q.size > 0 {
		q.next()
		out++
	}
	if in != out || q.counts != [len(q.counts)]uint16{} {
		t.Errorf("%d requests came, %d left; the counts are %v", in, out, q.counts)
	}
}

// TestFullQueueIsFair has a request of each of 20 addresses come in a flood of four times as many
// as the queue holds, and counts how many of them are answered.
func TestFullQueueIsFair(t *testing.T) {
	for _, c := range []struct {
		name        string
		source      func(i int) udp.Datagram
		least, most int // of the 1000 requests in 50 rounds
	}{
		{"one address, all ports", func(i int) udp.Datagram { return from([4]byte{10, 9, 9, 9}, uint16(i)) }, 990, 1000},
		{"a host's whole /64", func(i int) udp.Datagram {
			ip := netip.MustParseAddr("2001:db8::").As16()
			ip[14], ip[15] = byte(i>>8), byte(i)
			return udp.Datagram{From: netip.AddrPortFrom(netip.AddrFrom16(ip), 7000)}
		}, 990, 1000},
		{"ten addresses", func(i int) udp.Datagram { return from([4]byte{10, 9, 9, byte(i % 10)}, uint16(i)) }, 950, 1000},
		{"as many as there are", func(i int) udp.Datagram { return from([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}, 7000) }, 150, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, sent, answered := newTestQueue(), 0, 0
			flood := func(n int) {
				for range n {
					q.add(c.source(sent), &protocol.Request{})
					sent++
				}
			}
			for range 50 {
				for i := range 20 {
					flood(100)
					q.add(from([4]byte{10, 0, 1, byte(i)}, 7000), &protocol.Request{})
				}
				flood(100)
				for q.size > 0 {
					if r := q.next(); r.from.From.Addr().Is4() && r.from.From.Addr().As4()[1] == 0 && r.from.From.Addr().As4()[0] == 10 {
						answered++
					}
				}
			}
			if answered < c.least || answered > c.most {
				t.Errorf("%d honest requests of 1000 are answered, want %d to %d", answered, c.least, c.most)
			}
		})
	}
}
