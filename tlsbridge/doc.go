// Package tlsbridge ends TLS beside a readiness loop.
//
// crypto/tls waits for its peer, which a loop must not. So each connection has two goroutines,
// which copy between the peer's socket, where TLS is spoken, and a pair of sockets (socketpair(2)),
// whose other end the loop serves as plain text. A Server does so for sockets that were accepted,
// and Dial for those of a client.
//
// A connection whose peer sends nothing costs a goroutine, and none of crypto/tls. One that is
// used costs two goroutines and some 20 kB; while its peer does not read, 40 kB more, and what the
// kernel holds in its sockets: all of this is counted by tcp.Outside's Held.
//
// Few goroutines compute at a time, however many connections there are: as many as there are CPUs
// for what is carried, and half as many, which rest half of the time, for handshakes, so that a
// flood of these does not delay what is carried. Hosts take turns at both, so that many connections of
// one delay another by one turn at most.
//
// A program whose loop must not be late sets GOMAXPROCS to one more for each of these (AtOnce): the
// loop then never waits for Go's scheduler.
package tlsbridge
