package bytestream

import (
	"bytes"
	"fmt"

	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/mpegts"
)

// Formats are what a stream of bytes can be. Auto finds it out by the first bytes.
const (
	Auto      = "auto"
	MJPEG     = "mjpeg"
	Multipart = "multipart"
	H264      = "h264"
	H265      = "h265"
	FLV       = "flv"
	MPEGTS    = "mpegts"
)

// Formats lists them.
var Formats = []string{Auto, MJPEG, Multipart, H264, H265, FLV, MPEGTS}

const (
	// mostDetectBytes decide about every stream: they show whether packets of a transport stream follow each
	// other. textBytes are as many as the longest beginning that is a text.
	mostDetectBytes = mpegts.PacketBytes + 1
	textBytes       = len("YUV4MPEG2")
)

// others are formats that programs write and that cannot be read here, by how they begin.
var others = []struct {
	at          int
	begin, name string
}{
	{0, "\x1a\x45\xdf\xa3", "Matroska or WebM"}, {4, "ftyp", "MP4"}, {0, "RIFF", "AVI"}, {0, "OggS", "Ogg"},
	{0, "\x89PNG", "PNG"}, {0, "GIF8", "GIF"}, {0, "YUV4MPEG2", "raw video (YUV4MPEG2)"}, {0, "DKIF", "IVF"},
	{0, "\x00\x00\x01\xba", "an MPEG programme stream"}, {0, "\x00\x00\x01\xb3", "MPEG-1 or MPEG-2 video"}, {0, "\x00\x00\x01\xb0", "MPEG-4 part 2"},
}

// detect finds out which format begins with these bytes. It is "" if more bytes are needed, of which
// there will be none if isEnd.
func detect(begin []byte, isEnd bool) (format string, err error) {
	for _, o := range others {
		if len(begin) >= o.at+len(o.begin) && string(begin[o.at:o.at+len(o.begin)]) == o.begin {
			return "", fmt.Errorf("%s cannot be read from a pipe; have the program write FLV, as in: ffmpeg ... -c:v libx264 -f flv -", o.name)
		}
	}
	text := bytes.TrimLeft(begin, "\r\n")
	isWhole := isEnd || len(begin) >= mostDetectBytes
	switch {
	case bytes.HasPrefix(begin, []byte{0xff, 0xd8, 0xff}):
		return MJPEG, nil
	case bytes.HasPrefix(begin, []byte("FLV\x01")):
		return FLV, nil
	case bytes.HasPrefix(text, []byte("--")), bytes.HasPrefix(text, []byte("HTTP/")):
		return Multipart, nil
	case len(begin) >= mostDetectBytes && begin[0] == mpegts.Sync && begin[mpegts.PacketBytes] == mpegts.Sync:
		return MPEGTS, nil
	case coded.FormatOf(begin) == media.H264:
		return H264, nil
	case coded.FormatOf(begin) == media.H265:
		return H265, nil
	case !isWhole && mayBegin(begin, text):
		return "", nil
	}
	return "", fmt.Errorf("its first bytes, % x, begin none of MJPEG, multipart, H.264 or H.265 with start codes, FLV, MPEG-TS; format=NAME says which one it is", begin[:min(len(begin), 8)])
}

// mayBegin reports whether what begins so may be known when more has come. Before a start code there may be
// zeros.
func mayBegin(begin, text []byte) bool {
	return len(text) < textBytes || begin[0] == mpegts.Sync || begin[0] == 0
}
