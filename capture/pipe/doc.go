// Package pipe is the source that reads stdin or a FIFO: the frames that another program writes there, as
// MJPEG, multipart, H.264, H.265, FLV or MPEG-TS (package bytestream).
//
// When the program ends, stdin has ended, and the stream with it. A FIFO waits for the next program.
package pipe
