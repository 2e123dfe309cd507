// Package mp4 writes fragmented MP4 (ISO/IEC 14496-12 and -15) of H.264 and H.265, for a response that does not end: an
// init segment, and then a fragment for each frame.
//
// The parameter sets are in the fragments of key frames, too, so that they may change: the sample entries are those
// that allow for it, avc3 and hev1. A browser's Media Source Extensions take both. With avc1 and hvc1 a player
// may go on with the first ones.
package mp4
