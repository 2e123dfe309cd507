package rtsp

import "testing"

// What ten thousand readers ask for all the time, and what each asks for once.
func BenchmarkReceive(b *testing.B) {
	requests := map[string]string{
		"keep-alive": crlf("GET_PARAMETER "+camURL+" RTSP/1.0", "CSeq: 5", "User-Agent: Lavf59.27.100", "Session: session1"),
		"describe":   crlf("DESCRIBE "+camURL+" RTSP/1.0", "CSeq: 2", "Accept: application/sdp"),
		"report":     "$\x01\x00\x08RTCPRTCP",
	}
	for name, request := range requests {
		b.Run(name, func(b *testing.B) {
			_, s := newStage(Config{})
			s.media = silent{s.media}
			c := s.Accept(alice, server)
			out, err := c.Receive(0, []byte(crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", tcpOffer)), nil)
			if err != nil {
				b.Fatal(err)
			}
			in := []byte(request)
			b.ReportAllocs()
			for b.Loop() {
				if out, err = c.Receive(0, in, out[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
