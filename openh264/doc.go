// Package openh264 decodes H.264 by Cisco's OpenH264, if that library is installed. It is loaded
// when the first decoder is made, so the program is built and runs without it.
//
// The library decodes the profiles from baseline to high, of 4:2:0 pictures with 8 bits.
package openh264
