package m2m

import (
	"fmt"
	"math"
)

// How many buffers are asked for. One picture is on its way at a time.
const (
	pictureBuffers = 2
	frameBuffers   = 3
)

// setUp sets the formats, the optional settings, and maps the buffers.
func (e *Encoder) setUp() error {
	raw, ok := rawFormat(e.driver)
	if !ok {
		return errNoFormat
	}
	if _, err := e.setFormat(captureQueue, fourCC(e.options.Coded)); err != nil {
		return err
	}
	f, err := e.setFormat(outputQueue, raw)
	if err != nil {
		return err
	}
	e.layout = layout{code: raw, stride: int(f.planes[0].stride), height: int(f.height), size: int(f.planes[0].size)}
	if err := e.layout.check(e.options.Width, e.options.Height); err != nil {
		return err
	}
	if f.width != uint32(e.options.Width) || f.height != uint32(e.options.Height) { // it encodes whole blocks, and is told what is seen
		s := selection{queue: outputQueue, target: cropTarget, width: uint32(e.options.Width), height: uint32(e.options.Height)}
		if err := call(e.driver, "VIDIOC_S_SELECTION", setSelection, &s); err != nil {
			return fmt.Errorf("pictures of %dx%d, not %dx%d: %w", e.options.Width, e.options.Height, f.width, f.height, err)
		}
		if s.width != uint32(e.options.Width) || s.height != uint32(e.options.Height) {
			return fmt.Errorf("pictures of %dx%d: it encodes %dx%d", e.options.Width, e.options.Height, s.width, s.height)
		}
	}
	e.setOptions()
	if e.in, err = e.allocate(outputQueue, pictureBuffers); err != nil {
		return err
	}
	for _, memory := range e.in {
		if len(memory) < e.layout.size {
			return errLayout
		}
	}
	e.out, err = e.allocate(captureQueue, frameBuffers)
	return err
}

// setFormat sets the format of a queue, with the colours of JPEG.
func (e *Encoder) setFormat(queue, code uint32) (*format, error) {
	f := &format{
		queue: queue, width: uint32(e.options.Width), height: uint32(e.options.Height), code: code, field: fieldNone,
		colours: colourJPEG, planeCount: 1, matrix: matrix601, levels: rangeFull,
	}
	err := call(e.driver, "VIDIOC_S_FMT", setFormat, f)
	if err == nil && (f.code != code || f.planeCount != 1) {
		err = fmt.Errorf("it gives format %#x in %d planes, not %#x in one", f.code, f.planeCount, code)
	}
	return f, err
}

// setOptions sets what not all drivers have.
func (e *Encoder) setOptions() {
	const unit = 1000
	rate := streamParameters{queue: outputQueue, numerator: unit, denominator: uint32(math.Round(e.options.FramesPerSecond * unit))}
	_ = call(e.driver, "VIDIOC_S_PARM", setParameters, &rate)
	for _, c := range []control{
		{controlH264Profile, profileConstrained}, {controlBFrames, 0}, {controlHeaderMode, headerJoined}, {controlRepeatSets, 1},
		{controlBitrate, int32(e.options.Bitrate)}, {controlGroup, int32(e.options.KeyInterval)}, {controlH264Interval, int32(e.options.KeyInterval)},
	} {
		_ = e.set(c.id, c.value)
	}
}

// set sets a control.
func (e *Encoder) set(id uint32, value int32) error {
	e.control = control{id, value}
	return call(e.driver, "VIDIOC_S_CTRL", setControl, &e.control)
}

// allocate has the driver make the buffers of a queue, and maps them.
func (e *Encoder) allocate(queue uint32, count int) (memories [][]byte, err error) {
	r := buffersRequest{count: uint32(count), queue: queue, memory: memoryMapped}
	if err := call(e.driver, "VIDIOC_REQBUFS", requestBuffers, &r); err != nil {
		return nil, err
	}
	for index := range r.count {
		e.prepare(queue, index)
		if err = call(e.driver, "VIDIOC_QUERYBUF", queryBuffer, &e.buffer); err != nil {
			break
		}
		var memory []byte
		if memory, err = e.driver.mmap(e.plane.mapOffset(), int(e.plane.length)); err != nil {
			break
		}
		memories = append(memories, memory)
	}
	if err == nil && len(memories) == 0 {
		err = errLayout
	}
	return memories, err
}

// prepare has the next call be about a buffer.
func (e *Encoder) prepare(queue, index uint32) {
	e.plane = plane{}
	e.buffer = buffer{index: index, queue: queue, memory: memoryMapped, planes: &e.plane, length: 1}
}
