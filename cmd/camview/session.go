package main

import (
	"time"

	"github.com/camcast/camcast/media"
)

// session is one conversation with a server, by which packets come.
type session interface {
	// report sends RTCP to the server.
	report(packet []byte)
	// leave says goodbye. listener.ended is called when the server has received it, or
	// cannot any more.
	leave(goodbye []byte)
	// close ends it at once, without a call of the listener.
	close()
}

// start is what is known when a server begins to send.
type start struct {
	// roundTrip is how long it took to answer.
	roundTrip time.Duration
	// fallBack: pictures come by UDP, and may come by TCP if UDP brings nothing.
	fallBack bool
	// format is what the packets carry, 0 if the server does not say it, and parameterSets those of
	// H.264 and H.265 that it describes.
	format        media.Format
	parameterSets [][]byte
	// width and height are the pictures' size as the server describes it, 0 if it does not.
	width, height int
	// readers is how many there are, 0 if that is not known.
	readers int
	// silence is how long the reader may say nothing, 0 if the session sees to that.
	silence time.Duration
}

// listener has the functions that a session calls.
type listener interface {
	// started says that the server sends from now on.
	started(s start)
	// rtp and rtcp are packets that came. They may be read until the call returns.
	rtp(packet []byte)
	rtcp(packet []byte)
	// ended says that the session is over, and closed: nil after leave, or if the server
	// has said goodbye.
	ended(err error)
}
