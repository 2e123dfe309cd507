package srtp_test

import (
	"bytes"
	"fmt"

	"github.com/camcast/camcast/proto/srtp"
)

// A run of two packets is sealed for one receiver, by the keys that DTLS has given. The second is lost, and sealed again.
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
