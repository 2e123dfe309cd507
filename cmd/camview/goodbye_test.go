package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// TestLastPictures ends a stream before its last picture is due: the viewer takes it all the same,
// so that even a stream of a single picture has been watched.
func TestLastPictures(t *testing.T) {
	for name, way := range ways {
		for _, pictures := range []uint64{1, 3} {
			t.Run(fmt.Sprintf("%s, %d", name, pictures), func(t *testing.T) {
				s := newScene(t)
				clip := newSimCamera(t, s.picture)
				clip.pictures = pictures
				if _, err := s.cast.AddStream("clip", clip, cast.StreamOptions{AwaitReader: true}); err != nil {
					t.Fatal(err)
				}
				s.watch(strings.Replace(way, "/cam", "/clip", 1))
				s.until("the goodbye", 10*time.Second, func() bool { return strings.Contains(s.said.String(), errGoodbye.Error()) || s.over })
				if sum := s.viewer.summary(); sum.Frames != pictures || sum.ReadersServed != 1 || s.viewer.failure != nil {
					t.Errorf("%+v, failure %v, want %d pictures", sum, s.viewer.failure, pictures)
				}
			})
		}
	}
}
