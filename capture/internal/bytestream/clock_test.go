package bytestream

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestClock has frames come late by some ms, each by others, from a clock that goes wrong, and restarts.
func TestClock(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	composition := []int{2, 4, 1, 1} // frames, as with two B-frames
	var c clock
	var lastDecode time.Duration
	for i := range 2000 {
		const interval = 40 * time.Millisecond
		decoded := time.Duration(i%1500) * interval // it begins anew once
		shown := decoded + time.Duration(composition[i%4])*interval
		true := time.Hour + time.Duration(i)*interval*10001/10000
		now := true + time.Duration(random.IntN(20_000))*time.Microsecond
		captured, decode := c.at(shown, decoded, now)
		want := true + time.Duration(composition[i%4]-4)*interval
		if error := captured - want; i%1500 > 100 && error.Abs() > 5*time.Millisecond {
			t.Errorf("frame %d is %v late", i, error)
		}
		if decode > captured || decode < lastDecode || captured > now {
			t.Errorf("frame %d is decoded at %v, after %v, and shown at %v; it is %v", i, decode, lastDecode, captured, now)
		}
		lastDecode = decode
	}
}

// TestClockWithoutReordering gives no time to decode at.
func TestClockWithoutReordering(t *testing.T) {
	var c clock
	for i := range time.Duration(100) {
		now := time.Hour + i*time.Second/30
		if captured, decode := c.at(i*time.Second/30, i*time.Second/30, now); captured != now || decode != 0 {
			t.Errorf("frame %d: %v, %v", i, captured, decode)
		}
	}
}

// TestClockWithoutFuture has a frame be shown hours after it is decoded: none is taken later than it comes.
func TestClockWithoutFuture(t *testing.T) {
	var c clock
	for i := range time.Duration(10) {
		now, decoded := time.Hour+i*time.Second/30, i*time.Second/30
		shown := decoded
		if i == 5 {
			shown += 2 * time.Hour
		}
		if captured, decode := c.at(shown, decoded, now); captured > now || decode > now {
			t.Errorf("frame %d: %v, %v, and it is %v", i, captured, decode, now)
		}
	}
}
