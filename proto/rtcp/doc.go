// Package rtcp is the control protocol that goes with RTP (RFC 3550, section 6) as a
// broadcaster and its readers need it: sender and receiver reports, goodbyes, the size of
// the group (RFC 5760), a receiver's statistics of a source (Reception), and when
// each participant may report (Interval).
//
// Packets are compound, as the RFC wants them: a report first, then the canonical name.
// Parse is strict (appendix A.2), since players send all kinds of bytes to an RTCP
// port. Nothing here does I/O or has a clock: time is an argument.
package rtcp
