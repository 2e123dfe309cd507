// Package multipart writes a series of JPEGs as a browser shows it in the place of one picture:
// multipart/x-mixed-replace, over HTTP. It reads such a series, too, as programs write it to a pipe.
package multipart

import (
	"strconv"
	"time"

	"github.com/camcast/camcast/proto/jpeg"
)

const (
	// ContentType is that of the response.
	ContentType = "multipart/x-mixed-replace; boundary=camcast"
	// Opening is the beginning of the body, before the first part.
	Opening = "--camcast\r\n"
	// Trailer is how each part ends. The next one's boundary is a part of it, as browsers show a picture
	// when they see that.
	Trailer = "\r\n--camcast\r\n"
	// MaxHeadBytes bounds what is before the picture in a part.
	MaxHeadBytes = 128
)

// contentLengthDigits is how many digits a picture's length has, so that it can be filled in later.
const contentLengthDigits = 10

// AppendPart appends a part to dst: its header with the picture's length in bytes and when it was
// taken, in seconds since 1970 (X-Timestamp), then the picture with the Huffman tables that cameras
// leave out, and the Trailer. The error, jpeg.ErrMore or jpeg.ErrBroken, says that it is no picture.
func AppendPart(dst, picture []byte, taken time.Time) ([]byte, error) {
	dst = append(dst, "Content-Type: image/jpeg\r\nX-Timestamp: "...)
	dst = strconv.AppendInt(dst, taken.Unix(), 10)
	dst = appendDigits(append(dst, '.'), taken.Nanosecond()/1000, 6)
	dst = append(dst, "\r\nContent-Length: "...)
	length := len(dst)
	dst = append(dst, "0000000000\r\n\r\n"...)
	from := len(dst)
	dst, err := jpeg.AppendComplete(dst, picture)
	if err != nil {
		return dst, err
	}
	appendDigits(dst[:length], len(dst)-from, contentLengthDigits)
	return append(dst, Trailer...), nil
}

// appendDigits appends a number with leading zeros.
func appendDigits(dst []byte, n, digits int) []byte {
	for range digits {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; n > 0 && digits > 0; i, digits = i-1, digits-1 {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}
