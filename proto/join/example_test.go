package join_test

import (
	"fmt"

	"github.com/camcast/camcast/proto/join"
)

// A reader asks, proves that it is where it says, and is in.
func ExampleClient() {
	broadcaster := &server{cookies: join.NewCookies(secret()), streams: []join.Stream{acceptance.Stream}}
	reader := join.NewClient("cam", 5, nonce)
	packet := reader.Start(0, nil)
	for range 2 { // a challenge, and the acceptance
		answer := broadcaster.answer(0, peer, packet)
		fmt.Println(len(packet), "bytes are answered by", len(answer))
		var err error
		if packet, err = reader.Receive(0, answer, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("%s: %dx%d\n", reader.Accepted().Stream.Name, reader.Accepted().Stream.Width, reader.Accepted().Stream.Height)
	// Output:
	// 44 bytes are answered by 40
	// 44 bytes are answered by 48
	// cam: 640x480
}
