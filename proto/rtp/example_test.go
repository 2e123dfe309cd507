package rtp_test

import (
	"fmt"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
)

// A frame of H.264 is laid out, and put together again.
func ExampleNALPacketizer() {
	params := &media.Params{Format: media.H264, ParameterSets: [][]byte{
		{0x67, 0x42, 0xc0, 0x0a, 0xd9, 0x06, 0x26, 0xc0, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xc8, 0x3c, 0x48, 0x99, 0x20},
		{0x68, 0xcb, 0x80, 0xe4, 0xb2},
	}}
	slice := append([]byte{0x65, 0x88, 0x84}, make([]byte, 3000)...)
	frame := media.Frame{Params: params, Bytes: nal.Append(nil, slice), Key: true}

	packetizer, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: media.H264, PayloadType: 96, PacketSize: 1200, RunPackets: 16})
	if err != nil {
		fmt.Println(err)
		return
	}
	packets, err := packetizer.Packetize(nil, &frame, 90000)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range packets.Runs() {
		fmt.Printf("run of %d bytes, cut every %d\n", len(packets.Run(i)), packets.PacketSize)
	}

	depacketizer := rtp.NewNALDepacketizer(media.H264, 1<<20)
	for i := range packets.Count {
		got, ok, err := depacketizer.Push(packets.Packet(i))
		if err != nil {
			fmt.Println(err)
		}
		if ok {
			fmt.Printf("frame of %d bytes, %dx%d, key frame: %v\n", len(got.Bytes), got.Params.Width, got.Params.Height, got.Key)
		}
	}
	// Output:
	// run of 45 bytes, cut every 1200
	// run of 3044 bytes, cut every 1200
	// frame of 3007 bytes, 96x64, key frame: true
}
