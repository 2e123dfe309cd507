// Package h264 reads the H.264 bit stream (ITU-T H.264) as far as its transport needs it: which
// NAL units make a frame, whether a decoder can begin with it and whether others need it, and
// what the parameter sets say. It decodes no pictures.
//
// NewAssembler makes frames of NAL units, and nal.NewStream of bytes with start codes. ParseSPS
// reads a sequence parameter set. FormatParameters and ParseFormatParameters are the a=fmtp of an
// SDP (RFC 6184, section 8).
//
// Frames have one layer: what belongs to scalable or multi-view extensions (annexes G and H), to
// auxiliary pictures, and what no decoder needs (access unit delimiters, filler data) is dropped.
package h264
