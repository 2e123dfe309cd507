// Package openh264 decodes and encodes H.264 by Cisco's OpenH264, if that library is installed. It is
// loaded when the first decoder or encoder is made, so the program is built and runs without it.
//
// The library decodes the profiles from baseline to high, and encodes constrained baseline; pictures are
// 4:2:0 with 8 bits.
package openh264
