package whep_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/camcast/camcast/proto/whep"
)

// A server reads a browser's offer, chooses what it sends, and answers.
func Example() {
	text, err := os.ReadFile("testdata/chromium.sdp") // a real server: the body of a request
	if err != nil {
		fmt.Println(err)
		return
	}
	offer, err := whep.ParseOffer(text)
	if err != nil { // a *whep.Refusal: it is understood, and there is no answer
		fmt.Println(err)
		return
	}
	codec := offer.Choose([3]byte{0x42, 0xc0, 0x1e}) // constrained baseline, level 3
	answer, err := offer.Answer(whep.Answer{
		SessionID: 1, Ufrag: "Gx3k", Password: "rDkN1kqzlKmWcqjFdS8bqQxN", // random, in a real server
		Fingerprint: whep.FingerprintOf([]byte("the certificate of the DTLS server")),
		Candidates:  []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:5004")},
		Codec:       codec, SSRC: 0x0ca3ca57, CNAME: "camcast",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(string(answer)) {
		if strings.HasPrefix(line, "m=") || strings.HasPrefix(line, "a=candidate") || strings.HasPrefix(line, "a=setup") || strings.HasPrefix(line, "a=ice-ufrag") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// m=audio 5004 UDP/TLS/RTP/SAVPF 111
	// a=ice-ufrag:Gx3k
	// a=setup:passive
	// a=candidate:1 1 udp 2130706431 192.0.2.1 5004 typ host
	// m=video 5004 UDP/TLS/RTP/SAVPF 108
	// a=ice-ufrag:Gx3k
	// a=setup:passive
	// a=candidate:1 1 udp 2130706431 192.0.2.1 5004 typ host
}
