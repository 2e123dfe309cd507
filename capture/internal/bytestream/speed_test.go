package bytestream

import (
	"bytes"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
)

// BenchmarkRubbish takes bytes that cost the most to look at, and pictures.
func BenchmarkRubbish(b *testing.B) {
	for name, test := range map[string]struct {
		format string
		data   []byte
	}{
		"empty pictures": {MJPEG, []byte{0xff, 0xd8, 0xff, 0xe0, 0, 2, 0xff, 0xd9}},
		"SOI":            {MJPEG, []byte{0xff, 0xd8}},
		"pictures":       {MJPEG, load(b, "mjpeg")},
		"start codes":    {H264, []byte{0, 0, 1, 9}},
		"slices":         {H264, []byte{0, 0, 1, 0x65, 0x88, 0x84}},
		"packets":        {MPEGTS, append([]byte{0x47, 1, 0, 0x10}, make([]byte, 184)...)},
		"tags":           {FLV, []byte{8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11}},
		"parts":          {Multipart, []byte("--b\n\n")},
	} {
		data := bytes.Repeat(test.data, mostRead/len(test.data))
		if test.format == FLV {
			data = append([]byte("FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00"), data...)
		}
		b.Run(test.format+"/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			steps := 0
			d := NewDemuxer(test.format, 1<<30, func(media.Frame, int, bool) {})
			for range b.N {
				d.useless = 0
				if err := d.Push(data, time.Hour); err != nil {
					b.Fatal(err)
				}
				steps = d.Steps()
			}
			b.ReportMetric(float64(steps)/float64(b.N), "steps/op")
		})
	}
}
