package rtsp_test

import (
	"fmt"
	"iter"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/camcast/camcast/proto/rtsp"
)

// porch is a Media of one stream.
type porch struct{}

func (porch) Paths() iter.Seq[string] { return slices.Values([]string{"porch"}) }

func (porch) Resolve(path string) (string, bool) { return "porch", path == "porch" || path == "" }

func (p porch) Describe(_ *rtsp.Conn, path string) (rtsp.Description, rtsp.Answer) {
	if _, ok := p.Resolve(path); !ok {
		return rtsp.Description{}, rtsp.Answer{Status: rtsp.StatusNotFound}
	}
	return rtsp.Description{Path: "porch", Name: "Porch", SessionID: 1, PayloadType: 26, Encoding: "JPEG/90000", Width: 640, Height: 480}, rtsp.OK
}

func (porch) Setup(_ *rtsp.Conn, s *rtsp.Session, path string, t rtsp.Transport) (rtsp.TransportReply, rtsp.Answer) {
	if t.Protocol != rtsp.UDP {
		return rtsp.TransportReply{}, rtsp.Answer{Status: rtsp.StatusUnsupportedTransport}
	}
	s.User = t.RTP // where to send
	return rtsp.TransportReply{SSRC: 0x11223344, ServerRTPPort: 6970, ServerRTCPPort: 6971}, rtsp.OK
}

func (porch) Play(_ *rtsp.Conn, s *rtsp.Session) (rtsp.Start, rtsp.Answer) {
	fmt.Println("send", s.Path(), "to", s.User)
	return rtsp.Start{Sequence: 100, RTPTime: 9000}, rtsp.OK
}

func (porch) Pause(*rtsp.Session)                      {}
func (porch) Alive(*rtsp.Session)                      {} // a real one notes the time, and ends the silent
func (porch) Interleaved(*rtsp.Session, uint8, []byte) {}
func (porch) End(s *rtsp.Session, why rtsp.EndReason) {
	fmt.Println("stop sending to", s.User, "because:", why)
}

// A server needs a Media, and somebody who carries bytes and tells the time.
func ExampleServer() {
	server := rtsp.NewServer(rtsp.Config{NewID: func() string { return "cc5f1e0b" }}, porch{})
	conn := server.Accept(netip.MustParseAddrPort("192.0.2.7:40000"), netip.MustParseAddrPort("192.0.2.1:8554"))

	requests := "SETUP rtsp://192.0.2.1:8554/porch/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n" +
		"PLAY rtsp://192.0.2.1:8554/porch RTSP/1.0\r\nCSeq: 2\r\nSession: cc5f1e0b\r\n\r\n" +
		"TEARDOWN rtsp://192.0.2.1:8554/porch RTSP/1.0\r\nCSeq: 3\r\nSession: cc5f1e0b\r\n\r\n"
	out, err := conn.Receive(0, []byte(requests), nil)
	fmt.Println(strings.Count(string(out), "RTSP/1.0 200 OK"), "answers,", err)
	// Output:
	// send porch to 192.0.2.7:5000
	// stop sending to 192.0.2.7:5000 because: teardown
	// 3 answers, <nil>
}

// shy is a Media whose camera is opened when somebody asks for it.
type shy struct {
	porch
	open *bool
}

func (m shy) Describe(c *rtsp.Conn, path string) (rtsp.Description, rtsp.Answer) {
	if !*m.open {
		return rtsp.Description{}, rtsp.Later // and have it opened; c.User can keep what is under way
	}
	return m.porch.Describe(c, path)
}

// A request that cannot be answered yet waits, with what comes behind it, until the caller resumes its connection.
func ExampleConn_Resume() {
	open := false
	server := rtsp.NewServer(rtsp.Config{NewID: func() string { return "cc5f1e0b" }}, shy{open: &open})
	conn := server.Accept(netip.MustParseAddrPort("192.0.2.7:40000"), netip.MustParseAddrPort("192.0.2.1:8554"))

	requests := "DESCRIBE rtsp://192.0.2.1:8554/porch RTSP/1.0\r\nCSeq: 1\r\n\r\n" +
		"OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n"
	out, err := conn.Receive(0, []byte(requests), nil)
	fmt.Println(strings.Count(string(out), "RTSP/1.0 200 OK"), "answers, waiting:", conn.Waiting(), err)

	open = true // some turns of the event loop later
	out, err = conn.Resume(2*time.Second, nil)
	fmt.Println(strings.Count(string(out), "RTSP/1.0 200 OK"), "answers, waiting:", conn.Waiting(), err)
	// Output:
	// 0 answers, waiting: true <nil>
	// 2 answers, waiting: false <nil>
}

// The description of a stream that is sent to a group, for a file that players open.
func ExampleSDP() {
	description := rtsp.Description{Name: "Porch", SessionID: 1, PayloadType: 26, Encoding: "JPEG/90000", Width: 640, Height: 480, FrameRate: 30}
	text, err := rtsp.SDP(description, rtsp.Place{
		Origin: netip.MustParseAddr("192.0.2.1"),
		Media:  netip.MustParseAddrPort("239.1.2.3:5004"), TTL: 16,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	os.Stdout.WriteString(strings.ReplaceAll(string(text), "\r\n", "\n"))
	// Output:
	// v=0
	// o=- 1 0 IN IP4 192.0.2.1
	// s=Porch
	// c=IN IP4 239.1.2.3/16
	// t=0 0
	// m=video 5004 RTP/AVP 26
	// a=rtpmap:26 JPEG/90000
	// a=framesize:26 640-480
	// a=x-dimensions:640,480
	// a=framerate:30
}
