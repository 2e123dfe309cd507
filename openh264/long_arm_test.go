package openh264

import "unsafe"

// These do not compile unless SBufferInfo and SSourcePicture are laid out as C has them on ARM of 32 bits: make lint
// checks that.
var (
	_ = [1]struct{}{}[unsafe.Offsetof(bufferInfo{}.in)-8]
	_ = [1]struct{}{}[unsafe.Offsetof(bufferInfo{}.width)-24]
	_ = [1]struct{}{}[unsafe.Offsetof(sourcePicture{}.milliseconds)-48]
)
