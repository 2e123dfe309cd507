package receive

import (
	"time"

	"github.com/camcast/camcast/media"
)

// Session is one conversation with a server, by which packets come.
type Session interface {
	// Report sends RTCP to the server.
	Report(packet []byte)
	// Leave says goodbye, with an RTCP packet if it is not nil. Listener.Ended is called when the
	// server has received it, or cannot any more.
	Leave(goodbye []byte)
	// Close ends it at once, without a call of the Listener.
	Close()
}

// Start is what is known when a server begins to send.
type Start struct {
	// RoundTrip is how long it took to answer.
	RoundTrip time.Duration
	// UDP: packets come by UDP. FallBack: they may come by TCP if UDP brings nothing.
	UDP, FallBack bool
	// Format is what the packets carry, 0 if the server does not say it, and ParameterSets those of
	// H.264 and H.265 that it describes.
	Format        media.Format
	ParameterSets [][]byte
	// Width and Height are the pictures' size in pixels as the server describes it, 0 if it does
	// not.
	Width, Height int
	// FramesPerSecond is their rate as the server describes it, 0 if it does not.
	FramesPerSecond float64
	// Readers is how many there are, 0 if that is not known.
	Readers int
	// Silence is how long the reader may say nothing, 0 if the session sees to that.
	Silence time.Duration
}

// Listener has the functions that a Session calls.
type Listener interface {
	// Started says that the server sends from now on.
	Started(s Start)
	// RTP and RTCP are packets that came. They may be read until the call returns.
	RTP(packet []byte)
	RTCP(packet []byte)
	// Ended says that the session is over, and closed: nil after Leave, or if the server
	// has said goodbye.
	Ended(err error)
}
