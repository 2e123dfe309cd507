// Package file plays pictures from files: an MJPEG file, which is JPEGs one after the
// other, a folder of JPEGs in the order of their names, or a single JPEG, again and
// again or once.
//
// Frames come at their rate by a timerfd; a loop that is late gets them late, one per
// beat that it sees, never several at once. Pictures that are broken are skipped and
// counted. A file is read as it is played, so that one of any length will do; reading
// it can wait for the disk.
package file
