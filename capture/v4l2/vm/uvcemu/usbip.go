package main

import (
	"io"
	"os"
	"sync"
)

// This file speaks USB/IP with the kernel's vhci_hcd (Documentation/usb/usbip_protocol.rst).

// urb is a transfer that the host waits for.
type urb struct {
	seq uint32
	n   int
}

// cam is a camera that is plugged in. One goroutine serves the host's requests, one
// answers its bulk transfers with pictures.
type cam struct {
	f     *os.File
	media map[string][][]byte

	// mu is held from the moment a transfer leaves the queue until its answer is written:
	// vhci_hcd takes an answer that comes after that of the transfer's unlinking for a
	// broken connection, and unplugs the camera.
	mu     sync.Mutex
	cond   *sync.Cond // the queue or closed has changed
	queue  []urb
	probe  [26]byte
	reset  bool
	closed bool

	controls []unitControl // of serve alone

	// Of serve alone. vhci_hcd may send a transfer's unlinking before the transfer. It takes
	// the answer to the first for that to the second if it has sent that meanwhile, and unplugs
	// the camera at the second answer. So such an unlinking is answered when its transfer has
	// come.
	submitted uint32            // the newest transfer; they come in the order of their numbers
	early     map[uint32]uint32 // unlinkings by the transfers that have not come
}

// unlinked is the status of a transfer that was unlinked: -ECONNRESET.
const unlinked = -104

// reply answers a transfer (USBIP_RET_SUBMIT). The caller holds mu.
func (c *cam) reply(seq uint32, status int32, data []byte, n int) {
	h := make([]byte, 48, 48+len(data))
	be.PutUint32(h, 3)
	be.PutUint32(h[4:], seq)
	be.PutUint32(h[20:], uint32(status))
	be.PutUint32(h[24:], uint32(n))
	be.PutUint32(h[32:], 0xffffffff)
	c.f.Write(append(h, data...))
}

// replyUnlink answers the unlinking of a transfer (USBIP_RET_UNLINK). The caller holds mu.
func (c *cam) replyUnlink(seq uint32, status int32) {
	r := make([]byte, 48)
	be.PutUint32(r, 4)
	be.PutUint32(r[4:], seq)
	be.PutUint32(r[20:], uint32(status))
	c.f.Write(r)
}

// fix turns what the host asked for into what the camera does.
func (c *cam) fix(p []byte) {
	fi, fr := int(p[2]), int(p[3])
	if fi < 1 || fi > len(formats) {
		fi = 1
	}
	if fr < 1 || fr > len(formats[fi-1].frames) {
		fr = 1
	}
	p[2], p[3] = byte(fi), byte(fr)
	iv := le.Uint32(p[4:])
	best := intervals[0]
	for _, v := range intervals {
		if v <= iv {
			best = v
		}
	}
	le.PutUint32(p[4:], best)
	d := formats[fi-1].frames[fr-1]
	le.PutUint32(p[18:], uint32(d.w*d.h*2))
	le.PutUint32(p[22:], payloadMax)
}

// control answers a request to endpoint 0: standard ones, and UVC's probe and commit. The
// caller holds mu.
func (c *cam) control(setup [8]byte, out []byte) (in []byte, ok bool) {
	typ, req, val, idx := setup[0], setup[1], le.Uint16(setup[2:]), le.Uint16(setup[4:])
	switch {
	case typ == 0x80 && req == 6: // GET_DESCRIPTOR
		switch val >> 8 {
		case 1:
			return deviceDesc, true
		case 2:
			return configDesc(), true
		case 3:
			i := int(val & 0xff)
			if i == 0 {
				return []byte{4, 3, 9, 4}, true
			}
			if i < len(stringsTab) {
				b := []byte{0, 3}
				for _, r := range stringsTab[i] {
					b = append(b, byte(r), 0)
				}
				return sized(b), true
			}
		case 6: // device qualifier
			return []byte{10, 6, 0, 2, 0xef, 2, 1, 64, 1, 0}, true
		}
	case typ&0x60 == 0 && typ&0x80 == 0: // SET_CONFIGURATION, SET_INTERFACE, CLEAR_FEATURE
		return nil, true
	case typ == 0x80 && req == 0:
		return []byte{0, 0}, true
	case typ&0x7f == 0x21 && idx>>8 != 0: // of a unit
		return c.unitRequest(typ, req, val, idx, out)
	case typ == 0x21 && idx == 1: // SET_CUR of probe (1) or commit (2)
		copy(c.probe[:], out)
		c.fix(c.probe[:])
		if val>>8 == 2 {
			c.reset = true
		}
		return nil, true
	case typ == 0xa1 && idx == 1:
		switch req {
		case 0x81, 0x82, 0x83, 0x87: // GET_CUR/MIN/MAX/DEF
			p := c.probe
			c.fix(p[:])
			return p[:], true
		case 0x85:
			return []byte{26, 0}, true
		case 0x86:
			return []byte{3}, true
		}
	}
	return nil, false
}

// serve reads USB/IP commands until the host hangs up.
func (c *cam) serve() {
	defer func() { c.mu.Lock(); c.closed = true; c.mu.Unlock(); c.cond.Broadcast() }()
	var h [48]byte
	for {
		if _, err := io.ReadFull(c.f, h[:]); err != nil {
			return
		}
		cmd, seq, dir, ep := be.Uint32(h[0:]), be.Uint32(h[4:]), be.Uint32(h[12:]), be.Uint32(h[16:])
		switch cmd {
		case 1: // SUBMIT
			n := int(be.Uint32(h[24:]))
			var out []byte
			if dir == 0 && n > 0 {
				out = make([]byte, n)
				if _, err := io.ReadFull(c.f, out); err != nil {
					return
				}
			}
			c.submitted = seq
			if unlink, is := c.early[seq]; is {
				delete(c.early, seq)
				c.mu.Lock()
				c.replyUnlink(unlink, unlinked)
				c.mu.Unlock()
				continue
			}
			if ep == 1 {
				c.mu.Lock()
				c.queue = append(c.queue, urb{seq, n})
				c.mu.Unlock()
				c.cond.Broadcast()
				continue
			}
			c.mu.Lock()
			in, ok := c.control([8]byte(h[40:48]), out)
			if !ok {
				c.reply(seq, -32, nil, 0) // -EPIPE: stall
			} else if dir == 1 {
				in = in[:min(len(in), n)]
				c.reply(seq, 0, in, len(in))
			} else {
				c.reply(seq, 0, nil, n)
			}
			c.mu.Unlock()
		case 2: // UNLINK
			victim := be.Uint32(h[20:])
			if victim > c.submitted {
				c.early[victim] = seq
				continue
			}
			status := int32(0) // the transfer was answered
			c.mu.Lock()
			for i, u := range c.queue {
				if u.seq == victim {
					c.queue = append(c.queue[:i:i], c.queue[i+1:]...)
					status = unlinked
					break
				}
			}
			c.replyUnlink(seq, status)
			c.mu.Unlock()
		}
	}
}
