package nal_test

import (
	"fmt"
	"os"

	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
)

// A stream of H.264 with start codes is read, a piece at a time.
func ExampleStream() {
	data, err := os.ReadFile("testdata/bframes.h264")
	if err != nil {
		fmt.Println(err)
		return
	}
	s := nal.NewStream(h264.NewAssembler(1 << 20))
	for len(data) > 0 {
		piece := data[:min(1000, len(data))]
		data = data[len(piece):]
		s.Push(piece)
		if len(data) == 0 {
			s.End()
		}
		for {
			frame, ok, err := s.Next()
			if err != nil {
				fmt.Println(err) // Next goes on behind it
				continue
			}
			if !ok {
				break // more bytes are needed
			}
			if frame.Key {
				p := frame.Params
				fmt.Printf("key frame of %dx%d, %d parameter sets, version %d\n", p.Width, p.Height, len(p.ParameterSets), p.Version)
			}
		}
	}
	// Output:
	// key frame of 96x64, 2 parameter sets, version 0
	// key frame of 96x64, 2 parameter sets, version 0
}
