package capture

import (
	"fmt"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
)

// TestFrameQueue pushes frames into a queue of three and takes some: which are left, and how
// many gaps there are. A frame is written as its number and, if it is a key frame, a K.
func TestFrameQueue(t *testing.T) {
	for _, c := range []struct {
		name   string
		format media.Format
		steps  string // a frame is added, "-" takes one, "0" resets the queue
		want   string
		gaps   uint64
	}{
		{"JPEG, not full", media.JPEG, "1K 2K 3K", "1K 2K 3K", 0},
		{"JPEG, full: the oldest goes", media.JPEG, "1K 2K 3K 4K 5K", "3K 4K 5K", 2},
		{"JPEG, taken meanwhile", media.JPEG, "1K 2K - 3K 4K 5K", "3K 4K 5K", 1},
		{"JPEG, reset", media.JPEG, "1K 2K 0 3K", "3K", 2},
		{"H.264, not full", media.H264, "1K 2 3", "1K 2 3", 0},
		{"H.264, begins without a key frame", media.H264, "1 2 3K 4", "3K 4", 2},
		{"H.264, full: nothing until a key frame", media.H264, "1K 2 3 4 5", "1K 2 3", 2},
		{"H.264, room again, but no key frame", media.H264, "1K 2 3 4 - - 5 6", "3", 3},
		{"H.264, the key frame takes the queue", media.H264, "1K 2 3 4 - 5K 6", "5K 6", 3},
		{"H.264, the key frame itself finds it full", media.H264, "1K 2 3 4K 5", "4K 5", 3},
		{"H.264, a key frame that finds room", media.H264, "1K 2 3K", "1K 2 3K", 0},
		{"H.264, reset", media.H264, "1K 2 0 3 4K 5", "4K 5", 3},
		{"H.265, likewise", media.H265, "1 2K 3 4 5 6 7K", "7K", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := frameQueue{most: 3, needsKey: true}
			params := &media.Params{Format: c.format}
			for _, step := range strings.Fields(c.steps) {
				switch step {
				case "-":
					f, _ := q.take()
					q.recycle(f.Bytes)
				case "0":
					q.reset()
				default:
					f := media.Frame{Params: params, Key: strings.HasSuffix(step, "K")}
					if q.wants(f) {
						f.Bytes = append(q.buffer()[:0], step...)
						q.add(f)
					}
				}
			}
			var left []string
			for _, f := range q.waiting {
				left = append(left, string(f.Bytes))
			}
			if got := strings.Join(left, " "); got != c.want || q.gaps != c.gaps {
				t.Errorf("left %q, %d gaps; want %q, %d", got, q.gaps, c.want, c.gaps)
			}
		})
	}
}

// TestSpareBuffers has no more of them than frames may wait, and one.
func TestSpareBuffers(t *testing.T) {
	q := frameQueue{most: 3}
	for i := range 10 {
		q.recycle(fmt.Append(nil, i))
	}
	if len(q.spare) != 4 {
		t.Errorf("%d buffers are kept, want 4", len(q.spare))
	}
}
