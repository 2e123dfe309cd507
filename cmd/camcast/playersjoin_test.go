//go:build players

package main

import (
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
)

// longGroup is one group of pictures of ten seconds: a reader that comes later has nothing to begin
// with but its first frame, as a file makes no key frames.
var longGroup = coding{"one group of ten seconds", cardsOf320, "libx264", "keyint=250:bframes=0"}

const (
	longFrames = 250
	// joinFrame is the one of 1.9 seconds.
	joinFrame = 48
	// firstPictureWithin is how soon a reader who joins then has a picture.
	firstPictureWithin = 400 * time.Millisecond
	newcomers          = 50
)

// TestJoinInALongGroup has one reader by each transport join in the middle of the group, and then fifty
// within a second. All of them are sent all frames from the key frame on, and those that were there
// before miss none.
func TestJoinInALongGroup(t *testing.T) {
	t.Parallel()
	c := makeCoded(t, longGroup, longFrames)
	frames := c.frames(t)
	d := startDaemon(t, c.path)
	protocols := []gortsplib.Protocol{gortsplib.ProtocolUDP, gortsplib.ProtocolTCP}
	var first []*codedClient
	var readers sync.WaitGroup
	connect := func(protocol gortsplib.Protocol) (*codedClient, error) {
		k, err := connectCoded(c, frames, d.url(), protocol)
		if k != nil {
			t.Cleanup(k.rtsp.Close)
		}
		return k, err
	}
	for _, protocol := range protocols {
		k, err := connect(protocol)
		if err != nil {
			t.Fatal(err)
		}
		first = append(first, k)
	}
	for _, k := range first {
		if err := k.play(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := first[0].await(-1, joinFrame); err != nil {
		t.Fatal(err)
	}
	// join has a reader join, and checks all that it is sent.
	join := func(protocol gortsplib.Protocol) (took time.Duration) {
		k, err := connect(protocol)
		if err == nil {
			err = k.play()
		}
		var key arrival
		if err == nil {
			key, err = k.await(-1, 0)
		}
		if err != nil {
			t.Errorf("%v: %v", protocol, err)
			return 0
		}
		readers.Go(func() {
			if _, err := k.await(0, longFrames-1); err != nil {
				t.Errorf("%v: %v", protocol, err)
			}
		})
		return key.at.Sub(k.asked)
	}
	for _, protocol := range protocols {
		took := join(protocol)
		t.Logf("%v: the first picture %v after PLAY", protocol, took)
		if took > firstPictureWithin {
			t.Errorf("%v: the first picture comes %v after PLAY, want %v", protocol, took, firstPictureWithin)
		}
	}
	began := time.Now()
	var joins sync.WaitGroup
	for i := range newcomers {
		joins.Go(func() { join(protocols[i%2]) })
	}
	joins.Wait()
	t.Logf("%d readers have joined in %v", newcomers, time.Since(began))
	if _, err := first[0].await(joinFrame, longFrames-1); err != nil {
		t.Error(err)
	}
	if _, err := first[1].await(-1, longFrames-1); err != nil {
		t.Error(err)
	}
	readers.Wait()
	d.awaitEnd()
}
