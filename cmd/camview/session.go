package main

import "time"

// session is one conversation with a server, by which packets come.
type session interface {
	// report sends RTCP to the server.
	report(packet []byte)
	// leave says goodbye. listener.ended is called when the server has heard it, or
	// cannot any more.
	leave(goodbye []byte)
	// close ends it at once; the listener hears no more.
	close()
}

// listener is told what happens in a session.
type listener interface {
	// started says that the server sends from now on, by UDP if udp is set, and how long
	// it took to answer.
	started(roundTrip time.Duration, udp bool)
	// rtp and rtcp are packets that came. They may be read until the call returns.
	rtp(packet []byte)
	rtcp(packet []byte)
	// ended says that the session is over, and closed: nil after leave, or if the server
	// has said goodbye.
	ended(err error)
}
