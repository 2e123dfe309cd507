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
	answer := offer.Answer(whep.Answer{
		SessionID: 1, Ufrag: "Gx3k", Password: "rDkN1kqzlKmWcqjFdS8bqQxN", // random, in a real server
		Fingerprint: whep.FingerprintOf([]byte("the certificate of the DTLS server")),
		Candidates:  []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:5004")},
		Codec:       codec, SSRC: 0x0ca3ca57, CNAME: "camcast",
	})
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

// In the DTLS handshake the browser proves a certificate: is it one that its offer has named?
func ExampleFingerprints_Has() {
	certificate := []byte("the browser's certificate, in DER")
	named := whep.Fingerprints{whep.FingerprintOf(certificate)} // Offer.Fingerprints
	fmt.Println(named.Has(certificate), named.Has([]byte("another one")))
	// Output: true false
}

// A browser sends further candidates, and then restarts ICE.
func ExampleParseFragment() {
	const ufragOfTheOffer = "EsAw"
	for _, text := range []string{
		"a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.7 50000 typ host\r\n",
		"a=ice-ufrag:Ty8x\r\na=ice-pwd:aKv0cc3PzXqJ6l1jk5wEVEeT\r\n",
		"candidate",
	} {
		f, err := whep.ParseFragment([]byte(text))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("restarts:", f.Ufrag != "" && f.Ufrag != ufragOfTheOffer)
	}
	// Output:
	// restarts: false
	// restarts: true
	// the fragment is no SDP: line 1 must be a letter, = and a value, as in a=recvonly
}
