package webrtc_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/webrtc"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/whep"
)

// A program serves its H.264 to browsers by WebRTC. With cast/http it gives the Server as http.Options.WHEP, which has the page
// and /cam/whep ask it. One with HTTP of its own asks Server.Open for what its gate has granted, as here; the requests around
// that are in examples/embed/watch.go.
func Example() {
	l := loop.NewOn(sim.New(1)) // a real program: loop.New()
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("[::]:5004")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	server, err := webrtc.Serve(b, webrtc.Options{
		PublicAddresses: []netip.AddrPort{netip.MustParseAddrPort("203.0.113.7:6004")}, // behind NAT
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	film := &media.Params{Format: media.H264, Width: 640, Height: 480, FramesPerSecond: 30,
		ParameterSets: [][]byte{{0x67, 0x42, 0xc0, 0x1e}, {0x68, 0xce, 0x3c, 0x80}}} // of the encoder
	stream, err := b.AddStream("cam", nil, cast.StreamOptions{Params: film}) // of pictures: Stream.Rendition(media.H264)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := os.ReadFile("../../proto/whep/testdata/chromium.sdp") // what a browser has posted
	if err != nil {
		fmt.Println(err)
		return
	}
	offer, err := whep.ParseOffer(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	request := cast.Request{Protocol: cast.WebRTC, Stream: "cam", Action: cast.Watch,
		Peer: netip.MustParseAddrPort("198.51.100.7:50000"), Local: netip.MustParseAddrPort("192.0.2.1:8080")} // of the connection
	name, _, answer, err := server.Open(stream, request, cast.Grant{User: "anna"}, offer, cast.PlayoutDelay{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, video, _ := strings.Cut(string(answer), "m=video") // answer is the body of the response
	for line := range strings.Lines(video) {
		if strings.HasPrefix(line, "a=candidate") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	session, _, _ := server.Find("cam", name, "anna")  // the end of the session's URL, by which it is ended
	fmt.Println(session.Protocol(), session.Playing()) // it plays when the handshake is done
	session.Gone("closed")
	// Output:
	// a=candidate:1 1 udp 2130706431 192.0.2.1 5004 typ host
	// a=candidate:2 1 udp 2130706175 203.0.113.7 6004 typ host
	// webrtc false
}
