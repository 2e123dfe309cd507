package sim

import (
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/camcast/camcast/loop"
)

// tracer writes a line per system call. Where it is off, callers check w first and
// build nothing.
type tracer struct {
	w    io.Writer
	line []byte
}

func (k *Kernel) trace(name string, fd int, detail string, n int, err error) {
	t := &k.tracer
	if t.w == nil {
		return
	}
	since := k.now - Start
	t.line = fmt.Appendf(t.line[:0], "%d.%09d %s", since/time.Second, since%time.Second, name)
	if fd >= 0 {
		t.line = fmt.Appendf(t.line, " fd=%d", fd)
	}
	if detail != "" {
		t.line = fmt.Appendf(t.line, " %s", detail)
	}
	if err != nil {
		t.line = fmt.Appendf(t.line, " -> %v\n", err)
	} else {
		t.line = fmt.Appendf(t.line, " -> %d\n", n)
	}
	if _, err := t.w.Write(t.line); err != nil {
		t.w = nil // whoever wanted the trace knows that its writer has failed
	}
}

func (k *Kernel) traceWait(ready []loop.Ready, timeout time.Duration, err error) {
	var detail []byte
	detail = fmt.Appendf(detail, "timeout=%v", timeout)
	for _, r := range ready {
		detail = fmt.Appendf(detail, " %#x:%#x", r.Token, uint8(r.Conditions))
	}
	k.trace("Wait", -1, string(detail), len(ready), err)
}

// traceMessages describes n messages that were transferred out of those asked.
func (k *Kernel) traceMessages(name string, fd int, messages []loop.Message, n int, err error, bytes func(*loop.Message) []byte) {
	if k.tracer.w == nil {
		return
	}
	detail := fmt.Sprintf("messages=%d", len(messages))
	sum := uint32(0)
	for i := range messages[:n] {
		sum = crc32.Update(sum, crc32.IEEETable, bytes(&messages[i]))
	}
	if n > 0 {
		detail += fmt.Sprintf(" first=%v last=%v crc=%08x", messages[0].Peer(), messages[n-1].Peer(), sum)
	}
	k.trace(name, fd, detail, n, err)
}
