package encode

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
)

const (
	// transcodedQuality is that of pictures that have to be decoded and encoded anew:
	// high enough that the second loss is not seen.
	transcodedQuality = 90
	// maxTranscodedSide is the longest side of a picture that RTP can carry (RFC 2435,
	// sections 3.1.5 and 3.1.6). It also bounds the memory that foreign headers can
	// make us take.
	maxTranscodedSide = 2040
)

// Transcoder makes pictures that RTP can carry of JPEGs that it cannot: with Huffman
// tables of their own, as ffmpeg writes them, progressive, grey, 4:4:4 and other samplings, RGB, CMYK, and,
// with libjpeg-turbo, arithmetic. With libjpeg-turbo 4:2:0 and 4:2:2 are only rearranged, without loss;
// all else is decoded and encoded. It must not be used by two goroutines at once.
type Transcoder struct {
	encoder   *Encoder
	transform *turboTransform // nil: without the library
	scratch   *image.YCbCr
}

// NewTranscoder makes a transcoder. Close frees it.
func NewTranscoder(o Options) (*Transcoder, error) {
	encoder, err := NewEncoder(transcodedQuality, o)
	if err != nil {
		return nil, err
	}
	t := &Transcoder{encoder: encoder}
	if lib := o.turbo(); lib != nil {
		if t.transform, err = lib.newTransform(); err != nil {
			encoder.Close()
			return nil, err
		}
	}
	return t, nil
}

// Transcode writes a carryable picture into dst, from its beginning, growing it if its
// capacity does not suffice. The picture is only read. It fails if the picture is
// broken, larger than RTP can carry, 2040x2040, or coded in a way that cannot be decoded: with more than
// 8 bits a sample, lossless, hierarchical, or, without libjpeg-turbo, arithmetic. The error says which.
func (t *Transcoder) Transcode(dst, picture []byte) ([]byte, error) {
	h, err := parseHeader(picture)
	if err != nil {
		return dst[:0], fmt.Errorf("transcode %d bytes: %w", len(picture), err)
	}
	if h.width < 1 || h.width > maxTranscodedSide || h.height < 1 || h.height > maxTranscodedSide {
		return dst[:0], fmt.Errorf("transcode a JPEG of %dx%d: both must be 1 to %d", h.width, h.height, maxTranscodedSide)
	}
	if err := h.decodable(t.transform != nil); err != nil {
		return dst[:0], fmt.Errorf("transcode a JPEG of %dx%d: it %w", h.width, h.height, err)
	}
	if t.transform != nil {
		if h.carryable() {
			if out, ok := t.transform.rearrange(dst, picture); ok {
				return out, nil
			}
		} else if decoded, ok := t.transform.decode(picture, &h); ok {
			return t.encoder.Encode(dst, planar(decoded, &t.scratch))
		}
		// Go's decoder knows why, or can do better.
	}
	decoded, err := jpeg.Decode(bytes.NewReader(withHuffman(picture, h)))
	if err != nil {
		return dst[:0], fmt.Errorf("transcode a JPEG of %dx%d: %w", h.width, h.height, err)
	}
	return t.encoder.Encode(dst, planar(decoded, &t.scratch))
}

// Close frees what the transcoder holds. It must not be used afterwards.
func (t *Transcoder) Close() {
	t.encoder.Close()
	if t.transform != nil {
		t.transform.close()
	}
}
