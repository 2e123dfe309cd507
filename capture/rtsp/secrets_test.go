package rtsp_test

import (
	"strings"
	"testing"

	"github.com/camcast/camcast/capture/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
)

// TestDescribeShowsNoPassword has cameras take their password in any part of the URL: viewers are not shown it.
func TestDescribeShowsNoPassword(t *testing.T) {
	for _, url := range []string{
		"rtsp://me:secret@porch/cam", "rtsp://porch/cam?user=me&password=secret", "rtsp://porch/user=me&password=secret&channel=1",
	} {
		s, err := rtsp.New(rtsp.Options{Loop: loop.NewOn(sim.New(1)), URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if shown := s.Describe().Source; strings.Contains(shown, "secret") || !strings.HasPrefix(shown, "rtsp://porch/") {
			t.Errorf("%s is shown as %s", url, shown)
		}
	}
}
