package rtsp

import (
	"bytes"
	"strings"
	"testing"
)

// chunks cuts in into chunks of the given sizes, over and over.
func chunks(in, sizes []byte) (all [][]byte) {
	for i := 0; len(in) > 0; i++ {
		n := 1
		if len(sizes) > 0 {
			n = min(max(int(sizes[i%len(sizes)]), 1), len(in))
		}
		all, in = append(all, bytes.Clone(in[:n])), in[n:]
	}
	return all
}

// waitThrough has a client's bytes arrive in chunks while Media answers Later, the rest is left for later, and Resume comes, as
// decisions say: bits that are used over and over.
func waitThrough(in, sizes, decisions []byte) (out []byte, m *stage, err error) {
	const limit = 2048
	var yes func() bool
	m, s := newStage(Config{MaxRequestBytes: limit, Yield: func() bool { return yes() }})
	c := s.Accept(alice, server)
	taken := 0
	yes = func() bool {
		if len(decisions) == 0 {
			return true
		}
		bit := decisions[taken/8%len(decisions)] >> (taken % 8) & 1
		taken++
		return bit == 1
	}
	delays := 0 // in a row: the answer comes at last
	m.later = func() bool {
		if delays++; delays > 3 || !yes() {
			delays = 0
			return false
		}
		return true
	}
	for _, chunk := range chunks(in, sizes) {
		for err == nil && (c.Pending() || c.Waiting() && (len(c.partial)-c.waiting+len(chunk) > limit || yes())) {
			out, err = c.Resume(0, out)
		}
		if err != nil {
			break
		}
		out, err = c.Receive(0, chunk, out)
		clear(chunk) // which is the caller's
	}
	for err == nil && (c.Pending() || c.Waiting()) {
		out, err = c.Resume(0, out)
	}
	return out, m, err
}

// FuzzWaiting: whatever waits or is left for later, and however long, the answers are the same bytes as when Media answers at
// once.
func FuzzWaiting(f *testing.F) {
	f.Add([]byte(conversation[:700]), []byte{200}, []byte{0x55})
	f.Add([]byte(describe4+play4+options5+teardown6+"$\x01\x00\x01x"), []byte{3, 250}, []byte{0xff, 0x0f})
	f.Add([]byte(crlf("SETUP rtsp://h/busy RTSP/1.0", "CSeq: 1", tcpOffer)+crlf("DESCRIBE rtsp://h/busy RTSP/1.0", "CSeq: 2")+"\x00"), []byte{99}, []byte{})
	f.Fuzz(func(t *testing.T, in, sizes, decisions []byte) {
		all, m, err := waitThrough(in, sizes, []byte{0})
		out, waited, waitErr := waitThrough(in, sizes, decisions)
		if (err == nil) != (waitErr == nil) || !bytes.Equal(out, all) {
			t.Fatalf("at once: %v\n%q\nwith waiting: %v\n%q", err, all, waitErr, out)
		}
		if got, want := strings.Join(waited.log, "\n"), strings.Join(m.log, "\n"); got != want {
			t.Fatalf("media was told\n%s\nwant\n%s", got, want)
		}
		if got, want := strings.Join(waited.alive, " "), strings.Join(m.alive, " "); got != want {
			t.Fatalf("signs of life of %q, want %q", got, want)
		}
	})
}
