package view_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/view"
)

// Packets go in as they come, here in the wrong order; frames come out when they are due.
func ExampleBuffer() {
	packets := send(&testing.T{}, 2, 0, 0).packets
	slices.Reverse(packets[:packetsPerFrame])

	buffer := view.NewBuffer(50 * time.Millisecond)
	for i, p := range packets {
		arrival := time.Second
		if i >= packetsPerFrame {
			arrival += interval
		}
		buffer.Push(arrival, p)
	}
	for {
		due, ok := buffer.Next()
		if !ok {
			break
		}
		if frame, ok := buffer.Pop(due); ok {
			fmt.Println("at", due, "a picture of timestamp", frame.Timestamp)
		}
	}
	// Output:
	// at 1.05s a picture of timestamp 0
	// at 1.09s a picture of timestamp 3600
}

// A viewer goes back by two seconds, and is shown what there was then.
func ExampleHistory() {
	history := view.NewHistory(30*time.Second, 100<<20)
	now := time.Duration(0)
	for second := range 6 {
		now = time.Duration(second) * time.Second
		history.Add(now, view.Frame{Format: media.JPEG, Bytes: fmt.Append(nil, "picture ", second)})
		history.Pop(now)
	}
	history.Seek(now, -2*time.Second)
	pictures, _ := history.Pop(now)
	fmt.Printf("%s, %v behind\n", pictures[0].Bytes, history.Behind())
	// Output: picture 3, 2s behind
}
