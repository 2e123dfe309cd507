// Package file plays pictures from files: an MJPEG file, which is JPEGs one after the
// other, a folder of JPEGs in the order of their names, or a single JPEG, again and
// again or once.
//
// Frames come at their rate. A loop that is late gets them late, one per beat that it
// sees, never several at once. Pictures that are broken are skipped and counted. A file is
// read as it is played, so that one of any length will do; reading it can wait for the
// disk. A folder is listed anew for each round.
//
// A file that cannot be read just now has not ended: the folder was renamed, the file was
// cut off, the process has no fd left, the disk was unplugged. It is tried again at each
// beat and goes on where it was.
package file
