package jpeg

// Append appends to dst the picture as a file that every decoder takes (JFIF): with
// its quantisation tables, the standard Huffman tables, and EOI. It does not refer to
// img afterwards.
func Append(dst []byte, img *Image) []byte {
	dst = append(dst, 0xff, SOI,
		0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0)
	for number, table := range [2]*[64]byte{&img.Luma, &img.Chroma} {
		dst = append(dst, 0xff, DQT, 0, 67, byte(number))
		dst = append(dst, table[:]...)
	}
	red := byte(1)
	if img.Red != nil {
		red = 2
		dst = append(dst, 0xff, DQT, 0, 67, red)
		dst = append(dst, img.Red[:]...)
	}
	sampling := byte(0x21)
	if img.Type == Type420 {
		sampling = 0x22
	}
	dst = append(dst, 0xff, SOF0, 0, 17, 8,
		byte(img.Height>>8), byte(img.Height), byte(img.Width>>8), byte(img.Width),
		3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, red)
	dst = AppendHuffman(dst)
	if img.RestartInterval > 0 {
		dst = append(dst, 0xff, DRI, 0, 4, byte(img.RestartInterval>>8), byte(img.RestartInterval))
	}
	dst = append(dst, 0xff, SOS, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0)
	dst = append(dst, img.Scan...)
	return append(dst, 0xff, EOI)
}
