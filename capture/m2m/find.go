package m2m

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// H264 is the format of an encoder's frames.
const H264 = "H264"

// Device is an encoder.
type Device struct {
	// Path is that of its node, such as /dev/video11.
	Path string
	// Card is what its driver calls it. It is not a text to trust: show it quoted.
	Card string
}

// Find finds the first encoder of a format, by its four letters, as H264. ok is false if there is none. USB
// devices are not opened: they are cameras, which would wake up.
func Find(coded string) (found Device, ok bool) {
	paths, _ := filepath.Glob("/dev/video[0-9]*")
	number := func(path string) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(path, "/dev/video"))
		return n
	}
	slices.SortFunc(paths, func(a, b string) int { return number(a) - number(b) })
	for _, path := range paths {
		if isUSB(path) {
			continue
		}
		fd, err := openDevice(path)
		if err != nil {
			continue
		}
		card, isEncoder := inspect(fd, coded)
		_ = fd.close() // it is not used
		if isEncoder {
			return Device{Path: path, Card: card}, true
		}
	}
	return Device{}, false
}

// isUSB reports whether a node is a USB device's.
func isUSB(path string) bool {
	subsystem, err := os.Readlink("/sys/class/video4linux/" + filepath.Base(path) + "/device/subsystem")
	return err == nil && filepath.Base(subsystem) == "usb"
}

// inspect says what a device is called, and whether it encodes to a format: coded frames come out, and raw
// pictures that we have go in.
func inspect(d driver, coded string) (card string, isEncoder bool) {
	var c capability
	if call(d, "VIDIOC_QUERYCAP", queryCapability, &c) != nil || c.ofDevice&capMultiPlanar == 0 {
		return "", false
	}
	name, _, _ := bytes.Cut(c.card[:], []byte{0})
	_, takes := rawFormat(d)
	return string(name), takes && slices.Contains(formats(d, captureQueue), fourCC(coded)) && !slices.Contains(formats(d, outputQueue), fourCC(coded))
}

// maxFormats bounds the list of a driver that does not end it.
const maxFormats = 64

// formats lists those of a queue.
func formats(d driver, queue uint32) (codes []uint32) {
	for index := range uint32(maxFormats) {
		f := formatDescription{index: index, queue: queue}
		if call(d, "VIDIOC_ENUM_FMT", enumFormat, &f) != nil {
			break
		}
		codes = append(codes, f.code)
	}
	return codes
}

// The raw formats that an Encoder can write: 4:2:0 in one piece of memory, with three planes or two.
var i420, nv12 = fourCC("YU12"), fourCC("NV12")

// rawFormat is the one in which a device is given pictures.
func rawFormat(d driver) (code uint32, ok bool) {
	has := formats(d, outputQueue)
	for _, code := range []uint32{i420, nv12} {
		if slices.Contains(has, code) {
			return code, true
		}
	}
	return 0, false
}
