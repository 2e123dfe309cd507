// Package jpeg knows of the JPEG bit stream (ITU-T T.81) what carrying it by RTP asks:
// where the picture's size, tables and scan are, whether RFC 2435 can carry it, and how
// to put a file together again from these. It decodes no pictures.
//
// Image.Parse takes a picture apart without copying; Append puts one together.
package jpeg
