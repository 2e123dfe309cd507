package m2m

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/proto/h264"
	"golang.org/x/sys/unix"
)

const (
	// patience is how long the device may take for a picture.
	patience = 2 * time.Second
	// maxWakes is how often the device may be ready without a frame that is whole.
	maxWakes = 64
)

// start begins a stream, if there is none.
func (e *Encoder) start() error {
	if e.isOn {
		return nil
	}
	e.free = e.free[:0]
	for index := range e.in {
		e.free = append(e.free, uint32(index))
	}
	for index := range e.out {
		if err := e.giveBack(uint32(index)); err != nil {
			return err
		}
	}
	e.isOn = true
	for _, queue := range []uint32{outputQueue, captureQueue} {
		if err := call(e.driver, "VIDIOC_STREAMON", streamOn, &queue); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the stream: the device has no buffer any more.
func (e *Encoder) stop() (err error) {
	if !e.isOn {
		return nil
	}
	e.isOn, e.isBegun = false, false
	for _, queue := range []uint32{outputQueue, captureQueue} {
		err = errors.Join(err, call(e.driver, "VIDIOC_STREAMOFF", streamOff, &queue))
	}
	return err
}

// giveBack gives the device a buffer for a coded frame.
func (e *Encoder) giveBack(index uint32) error {
	e.prepare(captureQueue, index)
	e.plane.length = uint32(len(e.out[index]))
	return call(e.driver, "VIDIOC_QBUF", queueBuffer, &e.buffer)
}

// room is the index of a buffer for a picture. The device has read those that it gives back.
func (e *Encoder) room() (uint32, error) {
	for range maxWakes {
		e.prepare(outputQueue, 0)
		err := call(e.driver, "VIDIOC_DQBUF", dequeueBuffer, &e.buffer)
		switch {
		case err == nil && e.buffer.index >= uint32(len(e.in)):
			return 0, errGone
		case err == nil:
			e.free = append(e.free, e.buffer.index)
			continue
		case !errors.Is(err, unix.EAGAIN):
			return 0, err
		}
		if last := len(e.free) - 1; last >= 0 {
			index := e.free[last]
			e.free = e.free[:last]
			return index, nil
		}
		if err := e.wait(true); err != nil {
			return 0, err
		}
	}
	return 0, errSilent
}

func (e *Encoder) wait(output bool) error {
	ready, err := e.driver.poll(output, patience)
	if err == nil && !ready {
		err = errSilent
	}
	return err
}

// await appends the frame of the picture that was given. Parameter sets may come before it in a buffer of
// their own.
func (e *Encoder) await(dst []byte) ([]byte, error) {
	for range maxWakes {
		took, flags, err := e.take(&dst)
		switch {
		case err != nil:
			return dst, err
		case flags&flagLast != 0:
			return dst, errGone
		case took && e.isFrame(dst):
			return dst, nil
		case took:
			continue
		}
		if err := e.wait(false); err != nil {
			return dst, err
		}
	}
	return dst, errSilent
}

// take appends a buffer of coded bytes, if there is one, and gives it back unless it is the last one.
func (e *Encoder) take(dst *[]byte) (took bool, flags uint32, err error) {
	e.prepare(captureQueue, 0)
	switch err := call(e.driver, "VIDIOC_DQBUF", dequeueBuffer, &e.buffer); {
	case errors.Is(err, unix.EAGAIN):
		return false, 0, nil
	case err != nil:
		return false, 0, err
	}
	index, used, at := e.buffer.index, e.plane.used, e.plane.offset
	flags = e.buffer.flags
	if index >= uint32(len(e.out)) || at > used || int64(used) > int64(len(e.out[index])) {
		return false, 0, fmt.Errorf("buffer %d has bytes %d to %d: there are none", index, at, used)
	}
	if flags&flagError != 0 {
		return false, 0, errBroken
	}
	*dst = append(*dst, e.out[index][at:used]...)
	if flags&flagLast != 0 {
		return true, flags, nil
	}
	return true, flags, e.giveBack(index)
}

var startCode = []byte{0, 0, 1}

// isFrame reports whether coded bytes have a picture, and not parameter sets alone.
func (e *Encoder) isFrame(coded []byte) bool {
	if e.options.Coded != H264 {
		return len(coded) > 0
	}
	for {
		at := bytes.Index(coded, startCode)
		if at < 0 || at+len(startCode) >= len(coded) {
			return false
		}
		if coded = coded[at+len(startCode):]; h264.IsSlice(coded) {
			return true
		}
	}
}

// drain ends the stream when the device has encoded all of it.
func (e *Encoder) drain(dst []byte) ([]byte, error) {
	if !e.isOn {
		return dst, nil
	}
	if call(e.driver, "VIDIOC_ENCODER_CMD", encoderCommand, &command{command: stopCommand}) != nil {
		return dst, e.stop() // it has no such command, and gave a frame for each picture
	}
	for range maxWakes {
		took, flags, err := e.take(&dst)
		switch {
		case errors.Is(err, unix.EPIPE), err == nil && flags&flagLast != 0:
			return dst, e.stop()
		case err != nil:
			return dst, err
		case took:
			continue
		}
		if err := e.wait(false); err != nil {
			return dst, err
		}
	}
	return dst, errSilent
}
