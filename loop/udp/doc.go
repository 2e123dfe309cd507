// Package udp is a UDP socket for many peers, on a readiness loop.
//
// A Socket receives in batches (recvmmsg) and hands each datagram to a function. To
// send, it knows two ways. SendTo is for the odd reply. A Fan is for a broadcast: a
// dense list of peers who all get the same bytes, laid out as runs of equal-sized
// packets. A run is one message to the kernel, which cuts it into packets
// (UDP_SEGMENT, udp(7)), and up to 64 peers' messages go out with one sendmmsg. The
// messages are built when a peer joins; sending touches nothing per peer.
//
// What the kernel and the link can do differs. Whether the kernel knows UDP_SEGMENT
// is asked when the socket is opened. That a link cannot do it is said by a send (EIO:
// no checksum offload, EINVAL or EMSGSIZE: a packet does not fit the link): the peer
// behind that link is then sent packet by packet, still many a call, and the first
// such correction is reported. Options.NoSegmentation and Options.NoBatches turn the
// features off, for kernels that get them wrong.
//
// With Options.Clones, which package clone makes, one message is sent for up to 64 peers, and
// a program in the kernel copies it. Peers that cannot be served so are served as described
// above.
//
// One peer's error is that peer's: a batch goes on after it. With Options.Rejected the socket is
// told which peers' ports are closed (ICMP, IP_RECVERR in ip(7)). The kernel then fails the next
// send by such a message, whichever peer that is for; the send is tried again.
package udp
