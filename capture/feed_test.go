package capture_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/media"
)

var (
	pictures = &media.Params{Format: media.JPEG, Width: 640, Height: 480}
	video    = &media.Params{Format: media.H264, Width: 640, Height: 480}
)

// push pushes frames whose bytes are words; those that end with K are key frames.
func push(t *testing.T, f *capture.Feed, params *media.Params, words string) {
	t.Helper()
	for _, word := range strings.Fields(words) {
		frame := media.Frame{Params: params, Bytes: []byte(word), Key: strings.HasSuffix(word, "K"), Captured: time.Hour}
		if err := f.Push(frame); err != nil {
			t.Fatalf("push %s: %v", word, err)
		}
		for i := range frame.Bytes {
			frame.Bytes[i] = '?' // they are the caller's again
		}
	}
}

// want wants these frames and reports so far.
func want(t *testing.T, h *capturetest.Host, frames string, reports ...string) {
	t.Helper()
	var words []string
	for _, f := range h.Frames {
		words = append(words, string(f.Bytes))
	}
	if got := strings.Join(words, " "); got != frames || !slices.Equal(h.Reports, reports) {
		t.Errorf("frames %q, reports %q; want %q, %q", got, h.Reports, frames, reports)
	}
}

func TestFeedWithParams(t *testing.T) {
	f, h := capture.NewFeed(capture.FeedOptions{Source: "child", Coding: "JPEG by child", Params: pictures}), capturetest.NewHost(t)
	if d := f.Describe(); d != (capture.Description{Source: "child", Coding: "JPEG by child", Params: pictures}) {
		t.Errorf("described as %+v", d)
	}
	h.Open(f)
	h.Turn()
	want(t, h, "", "live")
	push(t, f, pictures, "1K 2K")
	h.Turn()
	push(t, f, pictures, "3K")
	h.Turn()
	want(t, h, "1K 2K 3K", "live")
	if got := h.Frames[0]; got.Params != pictures || got.Captured != time.Hour || !got.Key {
		t.Errorf("%+v", got)
	}
	if got := f.Figures(); got != (capture.Figures{Frames: 3}) {
		t.Errorf("%+v", got)
	}
}

func TestFeedWithoutParams(t *testing.T) {
	f, h := capture.NewFeed(capture.FeedOptions{}), capturetest.NewHost(t)
	h.Open(f)
	h.Turn()
	want(t, h, "")
	push(t, f, pictures, "1K")
	h.Turn()
	want(t, h, "1K", "live")
	if f.Describe().Params != pictures {
		t.Errorf("described as %+v", f.Describe())
	}
	if err := f.Push(media.Frame{Bytes: []byte("x")}); err == nil {
		t.Error("a frame without Params is taken")
	}
}

// TestFeedBeforeOpen keeps frames that come before Open, but not more than may wait.
func TestFeedBeforeOpen(t *testing.T) {
	for _, c := range []struct {
		params    *media.Params
		most      int
		push      string
		frames    string
		delivered uint64
		gaps      uint64
	}{
		{pictures, 0, "1K 2K 3K 4K 5K 6K", "3K 4K 5K 6K", 4, 2},
		{pictures, 2, "1K 2K 3K", "2K 3K", 2, 1},
		{video, 0, "1K 2 3 4 5 6", "1K 2 3 4", 4, 2},
		{video, 3, "1 2K 3 4 5 6K 7", "6K 7", 2, 5},
	} {
		f, h := capture.NewFeed(capture.FeedOptions{Frames: c.most}), capturetest.NewHost(t)
		push(t, f, c.params, c.push)
		h.Open(f)
		h.RunFor(time.Second)
		want(t, h, c.frames, "live")
		if got := f.Figures(); got != (capture.Figures{Frames: c.delivered, Gaps: c.gaps}) {
			t.Errorf("%+v, want %d frames and %d gaps", got, c.delivered, c.gaps)
		}
	}
}

// TestFeedCloses closes and opens a feed, outside of reports and within each kind.
func TestFeedCloses(t *testing.T) {
	f, h := capture.NewFeed(capture.FeedOptions{Params: video}), capturetest.NewHost(t)
	if err := f.Close(); err != nil {
		t.Errorf("closed before it was open: %v", err)
	}
	h.Open(f)
	h.Close()
	h.Turn()
	want(t, h, "")
	h.Open(f)
	h.Turn()
	push(t, f, video, "1K 2")
	h.Close()
	h.Turn()
	want(t, h, "", "live")
	if err := f.Push(media.Frame{Params: video, Key: true}); !errors.Is(err, capture.ErrClosed) {
		t.Errorf("push to a closed feed: %v", err)
	}
	h.OnReport = func(string) { h.OnReport = nil; h.Close(); h.Open(f) }
	h.OnFrame = func(media.Frame) { h.OnFrame = nil; h.Close() }
	h.Open(f)
	push(t, f, video, "3 4K 5")
	h.RunFor(time.Second) // Live drops 4K and 5
	want(t, h, "", "live", "live", "live")
	push(t, f, video, "6 7K 8")
	h.RunFor(time.Second) // 7K closes the feed, which drops 8
	want(t, h, "7K", "live", "live", "live")
	h.Open(f)
	push(t, f, video, "9 10K 11")
	h.RunFor(time.Second)
	want(t, h, "7K 10K 11", "live", "live", "live", "live")
	if got, want := f.Figures(), (capture.Figures{Frames: 3, Gaps: 8}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestFeedEnds(t *testing.T) {
	f, h := capture.NewFeed(capture.FeedOptions{}), capturetest.NewHost(t)
	h.Open(f)
	push(t, f, pictures, "1K 2K")
	h.Turn()
	push(t, f, pictures, "3K")
	if err := f.End(); err != nil {
		t.Error(err)
	}
	if err := f.End(); !errors.Is(err, capture.ErrClosed) {
		t.Errorf("ended twice: %v", err)
	}
	if err := f.Push(media.Frame{Params: pictures}); !errors.Is(err, capture.ErrClosed) {
		t.Errorf("push after the end: %v", err)
	}
	h.RunFor(time.Second)
	want(t, h, "1K 2K 3K", "live", "ended")
	h.Close()
	h.OnReport = func(report string) {
		if report == "ended" {
			h.Close()
		}
	}
	h.Open(f)
	h.RunFor(time.Second)
	want(t, h, "1K 2K 3K", "live", "ended", "live", "ended")
}

// TestFeedEndsWithoutAFrame ends before and after it is opened.
func TestFeedEndsWithoutAFrame(t *testing.T) {
	for _, params := range []*media.Params{nil, pictures} {
		for _, isOpen := range []bool{false, true} {
			f, h := capture.NewFeed(capture.FeedOptions{Params: params}), capturetest.NewHost(t)
			if isOpen {
				h.Open(f)
				h.Turn()
			}
			if err := f.End(); err != nil {
				t.Error(err)
			}
			if !isOpen {
				h.Open(f)
			}
			h.RunFor(time.Second)
			if params == nil {
				want(t, h, "", "ended")
			} else {
				want(t, h, "", "live", "ended")
			}
		}
	}
}

// TestFeedClosesWithinTheLastFrame reports no end, and what is pushed after the feed is opened
// again comes after Live.
func TestFeedClosesWithinTheLastFrame(t *testing.T) {
	f, h := capture.NewFeed(capture.FeedOptions{}), capturetest.NewHost(t)
	h.OnFrame = func(media.Frame) {
		h.OnFrame = func(media.Frame) { h.Close() }
		h.Close()
		h.Open(f)
		push(t, f, pictures, "2K")
		if err := f.End(); err != nil {
			t.Error(err)
		}
	}
	h.Open(f)
	push(t, f, pictures, "1K")
	h.RunFor(time.Second)
	want(t, h, "1K 2K", "live", "live")
}

// TestFrameStays has more frames pushed while the host has one than may wait: they do not
// come into its buffer, and they do not keep the loop in this turn.
func TestFrameStays(t *testing.T) {
	f, h := capture.NewFeed(capture.FeedOptions{Frames: 2}), capturetest.NewHost(t)
	h.OnFrame = func(got media.Frame) {
		before := bytes.Clone(got.Bytes)
		push(t, f, pictures, "aK bK cK")
		if !bytes.Equal(got.Bytes, before) {
			t.Errorf("the frame changed from %q to %q", before, got.Bytes)
		}
	}
	h.Open(f)
	push(t, f, pictures, "1K")
	h.Turn()
	if n := len(h.Frames); n != 3 {
		t.Errorf("%d frames in one turn, want 3", n)
	}
	h.OnFrame = nil
	h.Turn()
	if n := len(h.Frames); n != 5 {
		t.Errorf("%d frames in two turns, want 5", n)
	}
}

func TestFeedOnAClosedLoop(t *testing.T) {
	f, h := capture.NewFeed(capture.FeedOptions{}), capturetest.NewHost(t)
	h.Open(f)
	h.Turn()
	h.Die()
	for range 2 {
		if err := f.Push(media.Frame{Params: pictures}); !errors.Is(err, capture.ErrClosed) {
			t.Errorf("push to a closed loop: %v", err)
		}
	}
}

// counter is a Host that counts wake-ups, and frames.
type counter struct {
	capture.Host
	posted func()
	posts  int
	frames int
}

func (c *counter) Post(f func()) error { c.posted = f; c.posts++; return nil }
func (c *counter) Live()               {}
func (c *counter) Frame(media.Frame)   { c.frames++ }

// TestFeedAllocatesNothing pushes frames of several sizes, more than may wait, before each
// turn. It wakes the loop once for all of them.
func TestFeedAllocatesNothing(t *testing.T) {
	f, c := capture.NewFeed(capture.FeedOptions{Params: pictures}), &counter{}
	f.Open(c)
	data := make([]byte, 100_000)
	turn := func() {
		for i := range 7 {
			if err := f.Push(media.Frame{Params: pictures, Bytes: data[i*1000:]}); err != nil {
				t.Error(err)
			}
		}
		c.posted()
	}
	for range 10 {
		turn()
	}
	frames, posts := c.frames, c.posts
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations a turn, want 0", n)
	}
	if c.frames-frames != 4*101 || c.posts-posts != 101 {
		t.Errorf("%d frames and %d wake-ups in 101 turns, want 404 and 101", c.frames-frames, c.posts-posts)
	}
}

// ExampleFeed has a goroutine push what it makes.
func ExampleFeed() {
	feed := capture.NewFeed(capture.FeedOptions{Source: "my encoder"})
	params := &media.Params{Format: media.JPEG, Width: 640, Height: 480, FramesPerSecond: 30}
	done := make(chan error)
	go func() {
		err := feed.Push(media.Frame{Params: params, Bytes: []byte("\xff\xd8...\xff\xd9")})
		done <- errors.Join(err, feed.End())
	}()
	fmt.Println(<-done)
	fmt.Println(feed.Push(media.Frame{Params: params}))
	// Output:
	// <nil>
	// the feed is closed
}

// TestFeedRefusesLargeFrames does not copy them, and drops what depends on them.
func TestFeedRefusesLargeFrames(t *testing.T) {
	for params, want := range map[*media.Params]string{pictures: "1K 3 4 5K", video: "1K 5K"} {
		f, h := capture.NewFeed(capture.FeedOptions{Params: params, Frames: 9, MaxFrame: 1000}), capturetest.NewHost(t)
		h.Open(f)
		h.Turn()
		push(t, f, params, "1K")
		h.Turn()
		large := media.Frame{Params: params, Bytes: make([]byte, 1001)}
		if err := f.Push(large); !errors.Is(err, capture.ErrTooLarge) || !strings.Contains(err.Error(), "1001 bytes, more than 1000") {
			t.Errorf("error %v", err)
		}
		push(t, f, params, "3 4 5K")
		h.Turn()
		var words []string
		for _, frame := range h.Frames {
			words = append(words, string(frame.Bytes))
		}
		if got := strings.Join(words, " "); got != want || f.Figures().Broken != 1 {
			t.Errorf("%v: frames %q, %+v; want %q and one broken", params.Format, got, f.Figures(), want)
		}
	}
}
