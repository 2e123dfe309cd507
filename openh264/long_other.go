//go:build !arm

package openh264

const beforeLong = 0 // see long_arm.go
