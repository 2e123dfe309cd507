// Command camview watches a camera in the terminal, or hands its pictures on.
//
// It is flags and wiring: the network and the keyboard are on one loop (package loop),
// what is said to the server is in proto/rtsp/client and proto/join, the order of packets
// and the way back in time in package view. Decoding and whatever may have to wait for
// somebody else, such as a terminal or a pipe, is done by a goroutine of the output's.
// camview --help tells its usage.
package main
