// Package exec is the source that runs a command and reads its stdout: the frames that another program
// writes, as MJPEG, multipart, H.264, H.265, FLV or MPEG-TS (package bytestream).
//
// The command is run by /bin/sh in a process group of its own. A command that ends, that writes what is no
// stream of pictures, or nothing for a while, is ended, and the source is lost; the host opens it again. What
// it writes to stderr is logged, some lines a second.
//
// The group is ended when the source is closed, when its shell ends, and when this process ends, however that
// happens: it gets SIGTERM, and a second later SIGKILL. A process in the group sees to that, which waits for
// the end of a pipe that this process holds. Only processes that have left the group are not reached, as those
// started by setsid.
package exec
