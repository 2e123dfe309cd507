// Package file plays pictures from files: an MJPEG file, which is JPEGs one after the
// other, a folder of JPEGs in the order of their names, a single JPEG, or a file of H.264 or
// H.265, again and again or once.
//
// Frames come at their rate. A loop that is late gets them late, one per beat that it
// sees, never several at once. All that is done with files runs in jobs of the Host: opening,
// reading and looking for pictures, at most 1 MB or 32 files of a folder in each. One picture is
// read ahead, 0.2 s before it is due at most, and only one picture is in memory, whose size is
// bounded by Options.MaxFrame. So a file of any length, or on a hung network mount, does no harm.
//
// # What a picture is
//
// A file named .jpg or .jpeg is one picture, the first one in it. In any other file pictures
// follow each other; up to 1 MB of something else may be before the first one, and any amount
// between them. Skipped are thumbnails in application segments, further pictures that a picture's
// index names (MPF: gain maps, previews), and an MP4 behind a picture (a motion photo).
//
// A picture without EOI is completed if its coded data has all of its blocks (jpeg.WholeLength).
// Otherwise it is broken, as are
// pictures that are cut off earlier, that break the rules, or that are larger than MaxFrame: they
// are skipped and counted.
//
// # H.264 and H.265
//
// A file that begins with a NAL unit and its start code (Annex B), or is named .h264, .264, .h265, .265
// or .hevc, is a stream of these. Frames are played in the order in which they are decoded. Where
// B-frames are shown in another order their times say so (media.Frame.Captured), by their picture order
// counts. Each round begins with a key frame: what is before it is dropped. So is all that needs a frame
// which is broken, or larger than MaxFrame, until the next key frame.
//
// # What changes while it is played
//
// Changes are seen by inotify, or looked for every 2 s where that cannot be had. With
// Options.Loop, a file that replaces the one that is played (mv new.jpg pic.jpg) is played from
// its beginning, whatever it is. A file that was removed is played on until there is another of its name. Pictures
// that come into a folder or leave it are played, or not, in the order of names.
//
// A file or folder that has nothing to play is refused when it is opened for the first time. If
// that happens later and Options.Loop is set, the source waits for a change; it tries again after
// 0.25 s, later up to 30 s, by itself.
//
// What cannot be read just now is lost, not ended: the folder was renamed, the file was cut off,
// the process has no fd left, the disk was unplugged. When it is opened again it goes on where it
// was.
package file
