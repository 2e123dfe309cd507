package srtp_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/camcast/camcast/proto/srtp"
)

// random fills a buffer with random bytes.
func random(p []byte) { _, _ = rand.Read(p) }

// A stream is sealed once for all its readers. MIKEY brings the key to them, over TLS.
func ExampleSealer() {
	const ssrc = 0x0ca3ca57
	sealer := srtp.NewSealer(random, ssrc)
	message, err := sealer.Offer(0).MIKEY(time.Now(), random)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(message) > 0) // a real server: goes into the description (a=key-mgmt), in base64

	packet := make([]byte, 40) // an RTP header and a payload; sealing writes the number and the SSRC
	packet[0], packet[1] = 0x80, 96
	sealed, err := sealer.Seal(nil, packet, 1000)
	fmt.Println(len(sealed)-len(packet) == srtp.TagBytes, err)
	_, err = sealer.Seal(nil, packet, 1000)
	fmt.Println(err)
	// Output:
	// true
	// true <nil>
	// srtp: a packet was sealed with this index, or with a later one
}

// A reader seals its reports with a key of its own, which it has sent by MIKEY. A report counts once.
func ExampleOpeners() {
	reader := srtp.NewSealer(random, 7)
	message, err := reader.Offer(0).MIKEY(time.Now(), random) // a real server: what the reader has sent
	if err != nil {
		fmt.Println(err)
		return
	}
	peer, err := srtp.ParseMIKEY(message)
	if err != nil {
		fmt.Println(err)
		return
	}
	var openers srtp.Openers
	opener := openers.Open(peer)
	defer openers.Close(opener)

	report := []byte{0x80, 201, 0, 1, 0, 0, 0, 7} // a receiver report
	sealed, err := reader.SealRTCP(nil, report)
	if err != nil {
		fmt.Println(err)
		return
	}
	opened, err := opener.OpenRTCP(nil, sealed)
	fmt.Println(bytes.Equal(opened, report), err)
	_, err = opener.OpenRTCP(nil, sealed)
	fmt.Println(err)
	// Output:
	// true <nil>
	// srtp: packet has come before, or long after the ones behind it
}

// A run of two packets is sealed for one receiver, with the keys that DTLS has given. The second packet is lost, and sealed
// again.
func ExamplePrivate() {
	profile := srtp.AEADAES128GCM
	ours, theirs := make([]byte, profile.KeyBytes()), make([]byte, profile.KeyBytes()) // a real server: what DTLS-SRTP exports
	const ssrc, packetBytes = 0x0ca3ca57, 40
	p, err := srtp.NewPrivate(profile, ours, theirs, ssrc, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	packet := make([]byte, packetBytes) // an RTP header and a payload; sealing writes the number and the SSRC
	packet[0], packet[1] = 0x80, 96
	run := append(bytes.Clone(packet), packet...)
	sealed, err := p.SealRun(nil, run, packetBytes, srtp.Origin{Frame: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(sealed), "bytes, next", p.Next())

	index, origin, ok := p.Origin(1001) // the receiver says that it misses the packet of this number
	fmt.Println(index, origin, ok)
	again, err := p.Reseal(nil, run[packetBytes:], index, origin)
	fmt.Println(bytes.Equal(again, sealed[packetBytes+profile.TagBytes():]), err)

	run[packetBytes+20] ^= 1 // other bytes are never sealed with an index that was used
	_, err = p.Reseal(nil, run[packetBytes:], index, origin)
	fmt.Println(err != nil)
	// Output:
	// 112 bytes, next 1002
	// 1001 {7 1 0} true
	// true <nil>
	// true
}
