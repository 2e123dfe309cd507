// Package h265 reads the H.265 bit stream (ITU-T H.265) as far as its transport needs it: which
// NAL units make a frame, whether a decoder can begin with it and whether others need it, and
// what the parameter sets say. It decodes no pictures.
//
// NewAssembler makes frames of NAL units, and nal.NewStream of bytes with start codes. ParseSPS
// reads a sequence parameter set. FormatParameters and ParseFormatParameters are the a=fmtp of an
// SDP (RFC 7798, section 7.1).
//
// Frames have the base layer alone: what belongs to others, and what no decoder needs (access unit
// delimiters, filler data), is dropped.
package h265
