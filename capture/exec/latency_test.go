package exec_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/exec"
	"github.com/camcast/camcast/loop"
)

// BenchmarkLatency measures what the pipe adds: from the time when a program has begun to write a frame until
// the host has it, at 30 frames/s, by the median. The frames go through a child that copies them (cat).
func BenchmarkLatency(b *testing.B) {
	_, picture := pictureFile(b)
	video, err := os.ReadFile("../../proto/flv/testdata/h264.flv")
	if err != nil {
		b.Fatal(err)
	}
	header, tag := flvOf(video)
	for name, frame := range map[string]func(size int) (first, each []byte){
		"FLV": func(size int) (first, each []byte) { return header, larger(tag, size) },
		"JPEG with lengths": func(size int) (first, each []byte) {
			padded := slices.Concat(picture[:2], []byte{0xff, 0xfe}, binary.BigEndian.AppendUint16(nil, uint16(min(size, 60_000)+2)), make([]byte, min(size, 60_000)), picture[2:])
			return []byte("--b\r\n"), slices.Concat([]byte("Content-Length: "+strconv.Itoa(len(padded))+"\r\n\r\n"), padded, []byte("\r\n--b\r\n"))
		},
	} {
		for _, size := range []int{5_000, 50_000} {
			b.Run(fmt.Sprintf("%s/%d kB", name, size/1000), func(b *testing.B) {
				first, each := frame(size)
				measure(b, first, each)
			})
		}
	}
}

// flvOf takes a stream apart: all before its first frame, and that frame's tag.
func flvOf(stream []byte) (header, tag []byte) {
	for at := 13; ; {
		n := int(stream[at+1])<<16 | int(stream[at+2])<<8 | int(stream[at+3])
		end := at + 11 + n + 4
		if stream[at] == 9 && stream[at+12] == 1 {
			return stream[:at], stream[at:end]
		}
		at = end
	}
}

// larger adds a unit of filler data to a frame's tag.
func larger(tag []byte, size int) []byte {
	data := slices.Clone(tag[11 : len(tag)-4])
	data = append(binary.BigEndian.AppendUint32(data, uint32(size)), append([]byte{12}, slices.Repeat([]byte{0xff}, size-1)...)...)
	n := len(data)
	out := append([]byte{9, byte(n >> 16), byte(n >> 8), byte(n)}, tag[4:11]...)
	return binary.BigEndian.AppendUint32(append(out, data...), uint32(n+11))
}

func measure(b *testing.B, first, each []byte) {
	read, write, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer write.Close()
	defer read.Close()
	l, err := loop.New()
	if err != nil {
		b.Fatal(err)
	}
	h := &host{loop: l}
	var began atomic.Int64 // since epoch
	epoch := time.Now()
	var took []time.Duration
	sent := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(b.Context())
	h.onReport = func(report string) {
		if report != "live" {
			b.Error(report)
			stop()
		}
	}
	h.onFrame = func() {
		h.frames = nil
		took = append(took, time.Since(epoch)-time.Duration(began.Load()))
		sent <- struct{}{}
	}
	if h.source, err = exec.New(exec.Options{Command: fmt.Sprintf("exec cat /proc/%d/fd/%d", os.Getpid(), read.Fd())}); err != nil {
		b.Fatal(err)
	}
	_ = l.Post(func() { h.source.Open(h) })
	go func() {
		defer stop()
		if _, err := write.Write(first); err != nil {
			return
		}
		beat := time.NewTicker(time.Second / 30)
		defer beat.Stop()
		for range b.N {
			began.Store(int64(time.Since(epoch)))
			if _, err := write.Write(each); err != nil {
				return
			}
			select {
			case <-sent:
			case <-ctx.Done():
				return
			}
			<-beat.C
		}
	}()
	if err := l.Run(ctx); err != nil {
		b.Fatal(err)
	}
	_ = h.source.Close()
	_ = l.Close()
	h.jobs.Wait()
	if slices.Sort(took); len(took) > 0 {
		b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms/median")
		b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "ms/p99")
	}
}

var _ capture.Host = (*host)(nil)
