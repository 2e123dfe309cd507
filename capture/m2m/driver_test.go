package m2m

import (
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// made is a driver whose device encodes at once: the frame of a picture is its bytes behind a NAL unit's header.
type made struct {
	coded    string   // the format of frames
	raw      []string // of pictures
	align    uint32   // sizes are multiples of it
	crops    bool
	controls map[uint32]bool // those that there are
	commands bool            // there is ENC_CMD
	setsLate bool            // parameter sets have a buffer of their own
	silent   bool            // nothing is encoded
	gone     bool            // all calls fail
	broken   bool            // frames have the error flag
	wrong    bool            // frames have more bytes than their buffers
	ends     bool            // the stream is at its end before its time

	set      map[uint32]int32
	formats  map[uint32]format
	memory   map[uint32][][]byte // by queue
	queued   map[uint32][]uint32
	done     map[uint32][]result
	on       map[uint32]bool
	stamps   []unix.Timeval
	mapped   int
	streams  int // how often a stream was begun
	isClosed bool
	isFirst  bool // of its stream
	wakes    int
}

// result is a buffer that the device gives back.
type result struct{ index, used, flags uint32 }

func newMade() *made {
	return &made{
		coded: H264, raw: []string{"YU12"}, align: 1, commands: true,
		controls: map[uint32]bool{controlForceKey: true, controlBitrate: true, controlRepeatSets: true, controlH264Interval: true},
		set:      map[uint32]int32{}, formats: map[uint32]format{}, memory: map[uint32][][]byte{}, queued: map[uint32][]uint32{},
		done: map[uint32][]result{}, on: map[uint32]bool{},
	}
}

func (m *made) close() error {
	m.isClosed = true
	return nil
}

func (m *made) munmap([]byte) error {
	m.mapped--
	return nil
}

// mmap finds a buffer by its offset: the queue, and in its low bytes the index.
func (m *made) mmap(offset int64, size int) ([]byte, error) {
	m.mapped++
	return m.memory[uint32(offset>>16)][offset>>12&0xf][:size], nil
}

func (m *made) poll(output bool, timeout time.Duration) (bool, error) {
	queue := uint32(captureQueue)
	if output {
		queue = outputQueue
	}
	m.wakes++
	switch {
	case m.gone:
		return false, errGone
	case len(m.done[queue]) > 0:
		return true, nil
	}
	return false, nil
}

func (m *made) ioctl(number uintptr, argument unsafe.Pointer) error {
	if m.gone {
		return unix.ENODEV
	}
	switch number {
	case queryCapability:
		c := (*capability)(argument)
		c.ofDevice = capMultiPlanar
		copy(c.card[:], "made up")
	case enumFormat:
		f := (*formatDescription)(argument)
		names := []string{m.coded}
		if f.queue == outputQueue {
			names = m.raw
		}
		if int(f.index) >= len(names) {
			return unix.EINVAL
		}
		f.code = fourCC(names[f.index])
	case setFormat:
		f := (*format)(argument)
		f.width, f.height = (f.width+m.align-1)/m.align*m.align, (f.height+m.align-1)/m.align*m.align
		f.planes[0] = planeFormat{size: f.width * f.height * 3 / 2, stride: f.width}
		m.formats[f.queue] = *f
	case setSelection:
		if !m.crops {
			return unix.ENOTTY
		}
	case requestBuffers:
		r := (*buffersRequest)(argument)
		for range r.count {
			m.memory[r.queue] = append(m.memory[r.queue], make([]byte, m.formats[r.queue].planes[0].size))
		}
	case queryBuffer:
		b := (*buffer)(argument)
		b.planes.length = uint32(len(m.memory[b.queue][b.index]))
		*(*uint32)(unsafe.Pointer(&b.planes.memory)) = b.queue<<16 | b.index<<12
	case setControl:
		c := (*control)(argument)
		if !m.controls[c.id] {
			return unix.EINVAL
		}
		m.set[c.id] = c.value
	case setParameters:
		return unix.ENOTTY
	case streamOn:
		queue := *(*uint32)(argument)
		if m.on[queue] = true; queue == captureQueue {
			m.isFirst = true
			m.streams++
		}
	case streamOff:
		queue := *(*uint32)(argument)
		m.on[queue], m.queued[queue], m.done[queue] = false, nil, nil
	case queueBuffer:
		return m.queue((*buffer)(argument))
	case dequeueBuffer:
		return m.dequeue((*buffer)(argument))
	case encoderCommand:
		if !m.commands {
			return unix.ENOTTY
		}
		m.finish(0, flagLast)
	default:
		return unix.ENOTTY
	}
	return nil
}

// queue takes a buffer, and encodes a picture.
func (m *made) queue(b *buffer) error {
	if slices.Contains(m.queued[b.queue], b.index) {
		return unix.EINVAL
	}
	m.queued[b.queue] = append(m.queued[b.queue], b.index)
	if b.queue != outputQueue || m.silent {
		return nil
	}
	m.stamps = append(m.stamps, b.stamp)
	m.queued[outputQueue] = nil
	m.done[outputQueue] = append(m.done[outputQueue], result{index: b.index})
	unit := []byte{0, 0, 0, 1, 0x61}
	if m.isFirst || m.set[controlForceKey] != 0 {
		sets := []byte{0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 1}
		if m.setsLate {
			m.finish(uint32(copy(m.next(), sets)), 0)
			sets = nil
		}
		unit = append(sets, 0, 0, 0, 1, 0x65)
	}
	m.isFirst, m.set[controlForceKey] = false, 0
	flags := uint32(0)
	if m.broken {
		flags = flagError
	}
	if m.ends {
		flags = flagLast
	}
	m.finish(uint32(copy(m.next(), append(unit, m.memory[outputQueue][b.index]...))), flags)
	return nil
}

// next is the memory of the next frame.
func (m *made) next() []byte { return m.memory[captureQueue][m.queued[captureQueue][0]] }

// finish gives back a buffer with a frame.
func (m *made) finish(used, flags uint32) {
	if m.wrong {
		used = 1 << 30
	}
	index := m.queued[captureQueue][0]
	m.queued[captureQueue] = m.queued[captureQueue][1:]
	m.done[captureQueue] = append(m.done[captureQueue], result{index, used, flags})
}

func (m *made) dequeue(b *buffer) error {
	if len(m.done[b.queue]) == 0 {
		return unix.EAGAIN
	}
	r := m.done[b.queue][0]
	m.done[b.queue] = m.done[b.queue][1:]
	b.index, b.flags, b.planes.used = r.index, r.flags, r.used
	return nil
}
