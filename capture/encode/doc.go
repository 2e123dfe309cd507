// Package encode turns pixels into JPEG that RTP can carry: baseline, 4:2:0 or 4:2:2,
// with the standard Huffman tables (RFC 2435).
//
// It uses libjpeg-turbo where that is installed, which it finds out when it is first
// used (libturbojpeg.so.0; Debian's package libturbojpeg0), and Go's image/jpeg
// elsewhere, which takes about ten times as long: at 1280x720, 17 ms a frame instead of
// 2. Options.NoTurboJPEG leaves the library alone.
//
// Pixels says how a camera's raw pixels lie in memory, and takes them apart into the planes that
// encoders take; ToI420 makes 4:2:0 of any.
//
// An H264 makes H.264 of JPEG or I420, by OpenH264, which must be installed (libopenh264.so.7; Debian's
// package libopenh264-7).
//
// An Encoder encodes a sequence of pictures. A Transcoder makes carryable pictures of
// JPEGs that are not.
package encode
