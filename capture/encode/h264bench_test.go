//go:build turbojpeg

package encode

import (
	"image"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/openh264"
	"golang.org/x/sys/unix"
)

// cpu is the CPU time of the calling thread.
func cpu() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

// benchmarkH264 encodes each picture by both in turn, so that both have the same machine.
func benchmarkH264(b *testing.B, ratio image.YCbCrSubsampleRatio) {
	const width, height, rate, bitrate = 1280, 720, 30, 4_000_000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var pictures [][]byte
	for i := range 15 {
		pictures = append(pictures, jpegOf(b, barsPicture(image.Pt(width, height), ratio, i)))
	}
	ours := newH264(b, H264Options{Bitrate: bitrate})
	bare, err := openh264.NewEncoder(openh264.EncoderOptions{Width: width, Height: height, FramesPerSecond: rate, Bitrate: bitrate, KeyInterval: 2 * rate, FullRange: true})
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	transform, err := installedTurbo().newTransform()
	if err != nil {
		b.Fatal(err)
	}
	defer transform.close()
	h, err := parseHeader(pictures[0])
	if err != nil {
		b.Fatal(err)
	}
	var unit []byte
	var halved, planes *image.YCbCr
	params := &media.Params{Format: media.JPEG, Width: width, Height: height, FramesPerSecond: rate}
	var mine, theirs []time.Duration
	for i := 0; b.Loop(); i++ {
		at, picture := time.Duration(i)*time.Second/rate, pictures[i%len(pictures)]
		t0 := cpu()
		if _, err := ours.Encode(media.Frame{Params: params, Bytes: picture, Captured: at}, false); err != nil {
			b.Fatal(err)
		}
		t1 := cpu()
		decoded, ok := transform.decode(picture, &h)
		if !ok {
			b.Fatal("not decoded")
		}
		t2 := cpu()
		i420 := subsample(decoded, &halved, &planes) // the encoder takes nothing else; it is no call of a library
		t3 := cpu()
		if unit, err = bare.Encode(unit, i420, at, false); err != nil {
			b.Fatal(err)
		}
		mine, theirs = append(mine, t1-t0), append(theirs, t2-t1+cpu()-t3)
	}
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return all[len(all)/2].Seconds() * 1000
	}
	b.ReportMetric(median(mine), "cpu-ms/frame")
	b.ReportMetric(median(theirs), "bare-cpu-ms/frame")
	b.ReportMetric(median(mine)/median(theirs), "times-bare")
}
