package bench

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
)

// Model is a way to broadcast. To add one, write a file with a type that does this, and
// name it in models.
type Model interface {
	// Start opens what is needed to send to the readers. It is called in the sender's
	// network namespace.
	Start(b *Broadcast) error
	// Send sends a frame to every reader and returns when all of it was handed to the
	// kernel.
	Send() error
	// Figures tells what was done since Start.
	Figures() Figures
	// Close frees everything.
	Close() error
}

// Broadcast is what every model sends, and to whom.
type Broadcast struct {
	Readers []netip.AddrPort
	// Picture is a JPEG, for models that make packets themselves; Packets is what it
	// becomes, for those that do not.
	Picture []byte
	Packets rtp.Packets
}

// Figures are a model's own counts.
type Figures struct {
	// Calls is how many system calls were made to send.
	Calls uint64
	// Lags is how many frames readers have missed.
	Lags uint64
}

// models are the models by name, in the order of the benchmarks.
var models = []struct {
	name string
	make func() Model
	// interval is the time between frames; 0: as fast as it goes.
	interval time.Duration
}{
	{"limit", func() Model { return &limit{} }, 0},
	{"loop", func() Model { return &castModel{} }, 0},
	{"loop-paced", func() Model { return &castModel{paced: true} }, time.Second / framesPerSecond},
	{"goroutine", func() Model { return &goroutines{} }, 0},
}

const (
	framesPerSecond = 30
	packetBytes     = 1400
	packetsPerFrame = 30
	// mtu is what makes camcast's packets packetBytes long.
	mtu = packetBytes + 48
)

// NewBroadcast makes a frame of packetsPerFrame packets, 42 kB, for so many readers.
func NewBroadcast(r *Rig, readers int) (*Broadcast, error) {
	const payload = packetBytes - 20 // RTP's and RTP/JPEG's headers
	random := rand.New(rand.NewPCG(1, 2))
	img := &jpeg.Image{Width: 1280, Height: 720, Type: jpeg.Type420, Scan: make([]byte, packetsPerFrame*payload-132-2)}
	for i := range img.Luma {
		img.Luma[i], img.Chroma[i] = 1, 1
	}
	for i := range img.Scan {
		img.Scan[i] = byte(random.IntN(255)) // never FF, which would begin a marker
	}
	b := &Broadcast{Picture: jpeg.Append(nil, img)}
	packetizer, err := rtp.NewJPEGPacketizer(rtp.JPEGConfig{SSRC: 1, PacketSize: packetBytes, RunPackets: 64})
	if err != nil {
		return nil, err
	}
	if b.Packets, err = packetizer.Packetize(nil, img, 0); err != nil {
		return nil, err
	}
	for i := range readers {
		b.Readers = append(b.Readers, r.Reader(i))
	}
	return b, nil
}
