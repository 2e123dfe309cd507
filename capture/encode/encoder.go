package encode

import (
	"fmt"
	"image"
	"image/jpeg"
)

// Encoder encodes a sequence of pictures. It must not be used by two goroutines at
// once.
type Encoder struct {
	turbo *turboEncoder // nil: Go's encoder
	goOut sliceWriter
	goOpt jpeg.Options
}

// Options are the settings of an Encoder or Transcoder; the zero value is useful.
type Options struct {
	// NoTurboJPEG leaves libjpeg-turbo alone even if it is installed.
	NoTurboJPEG bool
}

// turbo returns the library, or nil if it is not installed or not wanted.
func (o Options) turbo() *turboLibrary {
	if o.NoTurboJPEG {
		return nil
	}
	return installedTurbo()
}

// NewEncoder makes an encoder of a quality from 1 to 100. Close frees it.
func NewEncoder(quality int, o Options) (*Encoder, error) {
	if quality < 1 || quality > 100 {
		return nil, fmt.Errorf("JPEG quality %d: must be 1 to 100", quality)
	}
	e := &Encoder{goOpt: jpeg.Options{Quality: quality}}
	if lib := o.turbo(); lib != nil {
		var err error
		if e.turbo, err = lib.newEncoder(quality); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Quality is that of the pictures to come.
func (e *Encoder) Quality() int { return e.goOpt.Quality }

// SetQuality changes it; what is not 1 to 100 is taken as the nearest that is.
func (e *Encoder) SetQuality(quality int) {
	e.goOpt.Quality = min(max(quality, 1), 100)
	if e.turbo != nil {
		e.turbo.quality = e.goOpt.Quality
	}
}

// Name says who encodes, for a person.
func (e *Encoder) Name() string {
	if e.turbo != nil {
		return "libjpeg-turbo"
	}
	return "Go's image/jpeg"
}

// Encode encodes a 4:2:0 or 4:2:2 picture into dst, from its beginning, growing it if
// its capacity does not suffice: give it the last result and, with libjpeg-turbo,
// nothing is allocated. Go's encoder makes 4:2:0 of either. The picture's planes are
// only read.
func (e *Encoder) Encode(dst []byte, picture *image.YCbCr) ([]byte, error) {
	if !check(picture) {
		return dst[:0], fmt.Errorf("encode a picture of %v, %v: must be 4:2:0 or 4:2:2, not empty, with planes as long as its size says",
			picture.Rect.Size(), picture.SubsampleRatio)
	}
	if e.turbo != nil {
		return e.turbo.encode(dst, picture)
	}
	e.goOut.p = dst[:0]
	err := jpeg.Encode(&e.goOut, picture, &e.goOpt)
	dst, e.goOut.p = e.goOut.p, nil
	return dst, err
}

// Close frees what the encoder holds. It must not be used afterwards.
func (e *Encoder) Close() {
	if e.turbo != nil {
		e.turbo.close()
	}
}

// sliceWriter appends what is written. It has the methods that keep image/jpeg from
// putting a buffer before it.
type sliceWriter struct{ p []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.p = append(w.p, p...)
	return len(p), nil
}

func (w *sliceWriter) WriteByte(b byte) error {
	w.p = append(w.p, b)
	return nil
}

func (w *sliceWriter) Flush() error { return nil }
