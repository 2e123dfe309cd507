// Package rtp lays frames out as RTP packets (RFC 3550) and puts them together again: JPEG, by
// RFC 2435, H.264, by RFC 6184, and H.265, by RFC 7798.
//
// A JPEGPacketizer or a NALPacketizer turns one frame into Packets: all its packets in one flat
// buffer, cut so that the kernel can send it. That is the heart of the layout. A frame is one or
// more runs; all packets of a run have the same size, except for the last one, which is shorter.
// The kernel (UDP_SEGMENT, udp(7)) takes a run as one message and cuts it where the packets end;
// that the last one is always shorter is for the sake of kernels which corrupt runs whose packets
// are all equal. The runs of a JPEG are all cut alike; those of H.264 and H.265 need not be.
//
// A JPEGDepacketizer or a NALDepacketizer is the other side, for viewers and for tests. Receivers
// extend sequence numbers by a Sequence.
//
// Nothing here does I/O or knows the time. A Clock turns capture times into timestamps.
package rtp
