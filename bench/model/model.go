// Package model has the ways to broadcast that are measured against each other.
//
// A model is one file with a type that implements Model, and an init function that
// registers it. It gets frames and sends each to all readers, as somebody would who uses
// that way in earnest. It runs in a process of its own, so that all which that process and
// its children use is the model's.
package model

import (
	"cmp"
	"net/netip"
	"slices"
)

// Model is a way to broadcast. All its methods are called from one goroutine.
type Model interface {
	// Start opens what is needed to send to the readers, or for readers to come.
	Start(b *Broadcast) error
	// Send broadcasts a frame. It returns when the model would take the next one,
	// which may be before the frame is sent. The frame stays as it is for two seconds, while
	// KeptFrames more are made; a model that keeps it longer has readers say that it is damaged.
	Send(f *Frame) error
	// Figures tells what was done since Start.
	Figures() Figures
	// Close frees everything.
	Close() error
}

// Broadcast is to whom a model sends, and how much.
type Broadcast struct {
	// Readers are the addresses of readers over UDP. Those of other transports come by
	// themselves, to Host.
	Readers []netip.AddrPort
	Host    netip.Addr
	// FramesPerSecond is the rate at which frames come if the model keeps up.
	FramesPerSecond int
	// H264: the frames are those of an H264Framer of H264Size, else of a Framer.
	H264     bool
	H264Size H264Size
}

// Figures are a model's own counts.
type Figures struct {
	// Lags is how many frames readers have missed because sending was behind.
	Lags uint64
}

// Transport is how a model reaches its readers.
type Transport string

const (
	// UDP: packets are sent to the readers' addresses.
	UDP Transport = "udp"
	// RTSP: readers come to RTSPPort and ask for RTP over UDP.
	RTSP Transport = "rtsp"
	// TCP: readers come to TCPPort. A frame is its length, as four bytes, and the
	// picture; a reader answers each with one byte.
	TCP Transport = "tcp"
	// Stream is like TCP, but readers do not answer.
	Stream Transport = "stream"
	// WebRTC: readers post an offer to WebRTCPort, and get RTP that pion seals for each, by ICE and DTLS.
	WebRTC Transport = "webrtc"
	// AMQP: readers have a queue each at the broker, bound to the exchange Exchange.
	AMQP Transport = "amqp"
)

// Where readers come to, and what they ask for.
const (
	RTSPPort   = 18554
	RTSPPath   = "/cam"
	TCPPort    = 15004
	WebRTCPort = 18889
	AMQPPort   = 15772
	Exchange   = "frames"
	// QueueFrames is how many frames a reader's queue may hold: the newest.
	QueueFrames = 10
)

// Entry is a model by its name.
type Entry struct {
	Name      string
	Transport Transport
	New       func() Model
	// Missing says what is to be installed for the model, "" if nothing. It may be
	// nil.
	Missing func() string
	// MostReaders is how many readers the model can be tried with, and Why says so; 0
	// is any number.
	MostReaders int
	Why         string
	// Reports: the model takes RTCP, so readers that look at what they get send some.
	Reports bool
	// Sealed: packets are SRTP, with SealedKey, and reports are sealed with ReaderKey.
	Sealed bool
	// H264: the model takes frames of H.264, too.
	H264 bool
	// WebRTC: the model sends what browsers take by WebRTC, and takes frames of H.264 alone.
	WebRTC bool
	// Private: each reader's packets are sealed by PrivateProfile with PrivateKeys, whose numbers are those of
	// the readers' order. There is no DTLS and no ICE, and reports come to the port that RTP is sent from.
	Private bool
	// Hidden models are found by their name only.
	Hidden bool
}

var entries []Entry

// Register makes a model known. It is called from init functions.
func Register(e Entry) { entries = append(entries, e) }

// All returns the models by their names, the limit first, then loop. Those for WebRTC are not among them.
func All() []Entry { return shown(false) }

// AllWebRTC returns those that send by WebRTC, the limit first, then webrtc.
func AllWebRTC() []Entry { return shown(true) }

func shown(byWebRTC bool) []Entry {
	rank := func(e Entry) int {
		return slices.Index([]string{"webrtc", "webrtc-limit", "loop", "limit"}, e.Name)
	}
	shown := slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return e.Hidden || e.WebRTC != byWebRTC })
	return slices.SortedFunc(slices.Values(shown), func(a, b Entry) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.Name, b.Name))
	})
}

// AllH264 returns those that take frames of H.264, in the same order.
func AllH264() []Entry {
	return slices.DeleteFunc(All(), func(e Entry) bool { return !e.H264 })
}

// Find returns a model by its name.
func Find(name string) (Entry, bool) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return Entry{}, false
	}
	return entries[i], true
}
