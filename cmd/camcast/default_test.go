package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/camcast/camcast/capture/v4l2"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
)

// TestDefaultStream finds cameras that cannot be opened: the test card is broadcast, and it is said
// why. Of the streams that were tried nothing is left.
func TestDefaultStream(t *testing.T) {
	for path, want := range map[string]string{
		"/dev/video77": "(/dev/video77: not found; ", // it may come, and is not waited for
		"/dev/null":    "(/dev/null: not a camera",
	} {
		l, err := loop.New()
		if err != nil {
			t.Fatal(err)
		}
		b, err := cast.New(l, cast.Config{})
		if err != nil {
			t.Fatal(err)
		}
		var stdout bytes.Buffer
		ctx, stop := context.WithCancel(t.Context())
		d := &service{settings: &settings{}, broadcaster: b, ctx: ctx, stop: stop, stdout: &stdout, log: slog.New(slog.DiscardHandler)}
		if err := d.addDefaultStream([]v4l2.Device{{Path: path}}); err != nil {
			t.Error(err)
		}
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the daemon says %q, want %q", stdout.String(), want)
		}
		if streams := b.Streams(); d.open != 1 || ctx.Err() != nil || len(streams) != 1 || streams[0].State() != cast.Live {
			t.Errorf("%s: %d streams are open, %d are there, stopped %v", path, d.open, len(streams), ctx.Err())
		}
		stop()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
