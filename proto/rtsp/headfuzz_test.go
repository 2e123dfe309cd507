package rtsp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// FuzzHead reads the heads of requests: what can be echoed is harmless, a length is one, and the
// same bytes mean the same.
func FuzzHead(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		_, s := newStage(Config{})
		end := headEnd(in)
		if end < 0 || end > len(in) || end > 0 && headEnd(in[:end-1]) != 0 {
			t.Fatalf("%q ends at %d of %d", in, end, len(in))
		}
		if end == 0 {
			return
		}
		head := in[:end]
		rq, err := s.readHead(head)
		again, errAgain := s.readHead(bytes.Clone(head))
		if (err == nil) != (errAgain == nil) || rq.method != again.method || rq.cseq != again.cseq || len(rq.header) != len(again.header) {
			t.Fatalf("%q is read as %+v, %v, and then as %+v, %v", head, rq, err, again, errAgain)
		}
		if strings.Trim(rq.cseq, "0123456789") != "" || len(rq.cseq) > 20 {
			t.Fatalf("CSeq %q would be echoed", rq.cseq)
		}
		n, status, lengthErr := contentLength(rq.header, head, err)
		if n < 0 || (lengthErr == nil) != (status == 0) || lengthErr != nil && n != 0 {
			t.Fatalf("%q: a body of %d bytes, status %d, %v", head, n, status, lengthErr)
		}
		if err != nil {
			if lengthErr == nil && n != 0 {
				t.Fatalf("%q is malformed, and has a body of %d bytes", head, n)
			}
			return
		}
		for name, values := range rq.header {
			if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r > 127 || !isToken(byte(r)) }) || strings.ContainsAny(strings.Join(values, ""), "\r\n") {
				t.Fatalf("%q has a header %q: %q", head, name, values)
			}
		}
	})
}

// FuzzSession has requests name a session in any way: only its own id is taken, and only from the
// address that has set it up.
func FuzzSession(f *testing.F) {
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\r\n") {
			return
		}
		m, s := newStage(Config{})
		c, other := s.Accept(alice, server), s.Accept(bob, server)
		want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer), StatusOK)
		id, _, _ := strings.Cut(value, ";")
		id = strings.Trim(id, " \t")
		for _, conn := range []*Conn{c, other} {
			out, err := conn.Receive(0, []byte(crlf("PAUSE "+camURL+" RTSP/1.0", "CSeq: 2", "Session: "+value)), nil)
			all := responses(t, out)
			if err != nil || len(all) != 1 {
				t.Fatalf("%q: %q, %v", value, out, err)
			}
			status := all[0].StatusCode
			if taken := id == "session1" && conn == c; taken != (status == base.StatusOK) && status != base.StatusBadRequest {
				t.Fatalf("%q from %v: %d", value, conn.peer, status)
			}
		}
		if len(m.alive) > 1 || len(m.alive) == 1 && id != "session1" {
			t.Fatalf("%q gives signs of life: %q", value, m.alive)
		}
	})
}
