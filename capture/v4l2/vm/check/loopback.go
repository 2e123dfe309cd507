//go:build cgo

package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"
	"unsafe"

	"github.com/bluenviron/gortsplib/v5"
	"golang.org/x/sys/unix"
)

const loopDevice = "/dev/video10"

// writer feeds v4l2loopback with pictures, as a program does that has a camera of its
// own.
type writer struct {
	file     *os.File
	pictures [][]byte
	stop     chan struct{}
	stopped  chan error
}

// v4l2Format is struct v4l2_format for a video output: type, then the pixel format in a
// union of 200 bytes, which is aligned to 8.
type v4l2Format struct {
	kind uint32
	_    uint32
	pix  [200]byte
}

const (
	vidiocSFmt  = 0xc0d05605
	bufOutput   = 2
	fieldNone   = 1
	colorJPEG   = 7
	loopWidth   = 640
	loopHeight  = 480
	maxJPEGSize = loopWidth * loopHeight * 2
)

func openWriter(pictures [][]byte) (*writer, error) {
	f, err := os.OpenFile(loopDevice, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	format := &v4l2Format{kind: bufOutput}
	for i, v := range []uint32{loopWidth, loopHeight, binary.LittleEndian.Uint32([]byte("MJPG")), fieldNone, 0, maxJPEGSize, colorJPEG} {
		binary.NativeEndian.PutUint32(format.pix[4*i:], v)
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), vidiocSFmt, uintptr(unsafe.Pointer(format))); errno != 0 {
		f.Close()
		return nil, fmt.Errorf("VIDIOC_S_FMT: %w", errno)
	}
	w := &writer{file: f, pictures: pictures}
	w.resume()
	return w, nil
}

// resume begins to write.
func (w *writer) resume() {
	w.stop, w.stopped = make(chan struct{}), make(chan error, 1)
	go func() {
		ticker := time.NewTicker(time.Second / 30)
		defer ticker.Stop()
		for i := 0; ; i++ {
			if _, err := w.file.Write(w.pictures[i%len(w.pictures)]); err != nil {
				w.stopped <- err
				return
			}
			select {
			case <-ticker.C:
			case <-w.stop:
				w.stopped <- nil
				return
			}
		}
	}()
}

// pause stops writing; the device stays open.
func (w *writer) pause() error {
	close(w.stop)
	return <-w.stopped
}

// checkLoopback is v4l2loopback's MJPEG, with a writer that falls silent.
func checkLoopback() error {
	pictures, err := loopPictures()
	if err != nil {
		return err
	}
	w, err := openWriter(pictures)
	if err != nil {
		return err
	}
	defer w.file.Close()
	d, err := startDaemon(loopDevice)
	if err != nil {
		return err
	}
	for _, protocol := range []gortsplib.Protocol{gortsplib.ProtocolTCP, gortsplib.ProtocolUDP} {
		if err := compareScans(d, protocol, pictures); err != nil {
			return err
		}
	}
	c, err := play(gortsplib.ProtocolTCP)
	if err != nil {
		return err
	}
	defer c.close()
	if err := w.pause(); err != nil {
		return err
	}
	if _, err := d.await("source is silent"); err != nil {
		return err
	}
	w.resume()
	if _, err := d.await("source delivers again"); err != nil {
		return err
	}
	for range 10 {
		if _, err := c.next(); err != nil {
			return fmt.Errorf("after the silence: %w", err)
		}
	}
	saw("the writer fell silent and went on: the same reader goes on")
	if err := w.pause(); err != nil {
		return err
	}
	return d.stop()
}
