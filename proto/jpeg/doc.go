// Package jpeg reads the JPEG bit stream (ITU-T T.81) as far as RTP needs it: where the
// picture's size, tables and scan are, whether RFC 2435 can carry it, and how to make a
// file of these again. It decodes no pictures.
//
// Next walks from marker to marker; Length and Size walk for their callers, and WholeLength
// through the coded blocks of a picture that is cut off. Orientation and MultiPictureLength read
// what Exif and MPF segments say. Image.Parse takes a picture apart without copying; Append puts
// one together.
package jpeg
