package v4l2

// fourCCText is a pixel format's code of four letters, without the bit that says big-endian.
func fourCCText(code uint32) string {
	return string([]byte{byte(code), byte(code >> 8), byte(code >> 16), byte(code>>24) & 0x7f})
}

// fourCC is the code of four letters.
func fourCC(text string) uint32 {
	return uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
}
