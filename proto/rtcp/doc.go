// Package rtcp is the control protocol that goes with RTP (RFC 3550, section 6) as a
// broadcaster needs it: sender reports and goodbyes to write, reception reports to
// read.
//
// Packets are compound, as the RFC wants them: a report first, then the canonical name.
// Parse is strict (appendix A.2), since players send all kinds of bytes to an RTCP
// port. Nothing here does I/O or knows the time.
package rtcp
