package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// errBit has the next payload carry the UVC error bit.
var errBit atomic.Bool

// stream answers the bulk URBs, one payload each, frame by frame at the committed rate.
func (c *cam) stream() {
	var frame []byte
	var fid byte
	next := time.Now()
	n := 0
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && !c.closed {
			c.cond.Wait()
		}
		if c.closed {
			c.mu.Unlock()
			return
		}
		if c.reset {
			c.reset, frame, n = false, nil, 0
		}
		p := c.probe
		c.mu.Unlock()
		if frame == nil { // a new frame: wait for its time
			c.fix(p[:])
			iv := time.Duration(le.Uint32(p[4:])) * 100
			f := formats[p[2]-1]
			d := f.frames[p[3]-1]
			set := c.media[fmt.Sprintf("%s%dx%d", f.kind, d.w, d.h)]
			next = next.Add(iv)
			if w := time.Until(next); w > 0 {
				<-time.After(w) // a camera's own clock
			} else if w < -iv {
				next = time.Now()
			}
			frame = set[n%len(set)]
			n++
			fid ^= 1
		}
		c.mu.Lock()
		if len(c.queue) == 0 || c.reset {
			c.mu.Unlock()
			continue
		}
		u := c.queue[0]
		c.queue = c.queue[1:]
		k := min(len(frame), min(u.n, payloadMax)-2)
		hdr := []byte{2, 0x80 | fid}
		if k == len(frame) {
			hdr[1] |= 2 // end of frame
		}
		if errBit.CompareAndSwap(true, false) {
			hdr[1] |= 0x40
		}
		data := append(hdr, frame[:k]...)
		frame = frame[k:]
		if len(frame) == 0 {
			frame = nil
		}
		c.reply(u.seq, 0, data, len(data))
		c.mu.Unlock()
	}
}
