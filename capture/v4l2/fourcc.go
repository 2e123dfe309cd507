package v4l2

import "github.com/camcast/camcast/capture/encode"

// fourCCText is a pixel format's code of four letters, without the bit that says big-endian.
func fourCCText(code uint32) string {
	return string([]byte{byte(code), byte(code >> 8), byte(code >> 16), byte(code>>24) & 0x7f})
}

// fourCC is the code of four letters.
func fourCC(text string) uint32 {
	return uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
}

// From videodev2.h: which values pixels use, and a colourspace.
const (
	quantizationFull, quantizationLimited = 1, 2
	colourspaceRec709                     = 3
	colourspaceJPEG                       = 7
	encoding709                           = 2
)

// isBT709 reports whether brightness and colour are made by BT.709's matrix. A driver that does not say so
// means the one of its colourspace (V4L2_MAP_YCBCR_ENC_DEFAULT).
func isBT709(colourspace, encoding uint32) bool {
	return encoding == encoding709 || encoding == 0 && colourspace == colourspaceRec709
}

// isLimited reports whether pixels leave out the lowest and highest values. A driver that does not say so
// means V4L2's default (V4L2_MAP_QUANTIZATION_DEFAULT): all but RGB and JPEG's do. Of grey that is not
// believed: infrared cameras, and vivid, give a sensor's values, which are all, and stretching them would
// lose the brightest and the darkest.
func isLimited(format string, colourspace, quantization uint32) bool {
	switch quantization {
	case quantizationFull:
		return false
	case quantizationLimited:
		return true
	}
	isWhole := format == string(encode.RGB24) || format == string(encode.BGR24) || format == string(encode.Grey)
	return colourspace != colourspaceJPEG && !isWhole
}
