package cast

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/srtp"
)

// Config says how a Broadcaster works. The zero value of each field means its
// default.
type Config struct {
	// RTP is the address that RTP is sent from, and that readers join at without RTSP; RTCP
	// has the next port. With port 0 a free pair is taken. An unspecified IPv6 address
	// ("[::]:5004") means all addresses of both families. The zero value: no RTP over UDP.
	RTP netip.AddrPort
	// Lag is how many frames a reader may be behind before it goes on with the newest key
	// frame, 1 to 1000 (5).
	Lag int
	// LagTime is how long, where frames depend on each other, a reader may be behind before it goes
	// on with a newer key frame, up to 20 s (1 s). It may be further behind as long as there is
	// no newer one and its group of pictures is kept: up to 20 s, and 32 MB.
	LagTime time.Duration
	// MTU is the largest IP packet to send, in bytes, 576 to 65535 (1500).
	MTU int
	// Burst is how many packets are sent to a reader at once, 1 to 64 (DefaultBurst).
	// With AllAtOnce it is as many as the kernel takes.
	Burst int
	// Spread is the share of the frame interval that a frame's bursts are spread over, up to
	// 1 (DefaultSpread). AllAtOnce does not spread them.
	Spread float64

	// MaxFrame is the size in bytes of the largest frame that is sent, 1 kB to 1 GB
	// (capture.DefaultMaxFrame). Larger ones are counted as unusable.
	MaxFrame int

	// MaxReaders is how many sessions may play at once, over all streams, and
	// MaxReadersPerAddress how many of one address, or of one /64 of IPv6 (no limit).
	MaxReaders, MaxReadersPerAddress int
	// MaxConnections is how many connections there may be at once, together with sessions
	// that are set up and do not play (4096), and MaxConnectionsPerAddress how many of one
	// address, or of one /64 of IPv6 (256). NoLimit is no limit. An RTSP reader counts twice
	// until it plays, for its connection and its session: 2 is the least that admits one.
	MaxConnections, MaxConnectionsPerAddress int
	// LowPorts has frames sent to ports below 1024, too, where services of the system listen.
	// What the program sends by itself (Stream.Join, Stream.SendTo) may go anywhere.
	LowPorts bool
	// TCPBacklog is how many bytes the kernel may hold for all readers over TCP that take nothing
	// (DefaultTCPBacklog). When it holds more, those end that have taken nothing for the longest
	// time, a second at least. NoLimit is no limit.
	TCPBacklog int
	// Allow is which networks are served (all).
	Allow Allow
	// Gate decides who may watch. Without one everybody may, all streams are listed, and those are
	// admins who Grant.Admin says.
	Gate Gate
	// AllowBasic has fronts take passwords in clear text (RFC 7617) also on connections on which
	// everybody on the way can read them.
	AllowBasic bool
	// Joined is called when a session plays for the first time, and Left when one that has
	// played has ended, with the reason. Both run on the loop; either may be nil.
	Joined func(*Session)
	Left   func(s *Session, reason string)

	// SRTP has readers be served that ask for SRTP (Session.Seal). It makes all RTP packets a little
	// smaller, so that there is room for what sealing adds.
	SRTP bool
	// HTTP has JPEGs taken that are too large for RTP, as they can be watched by HTTP. Their streams are
	// refused to others. Without it they are an error of the source.
	HTTP bool

	// Clones has the kernel copy frames to readers over UDP (package clone); nil: each is
	// sent a message of its own. It must be open for as long as the Broadcaster is.
	Clones *udp.Clones
	// NoSegmentation has RTP packets sent one by one instead of being segmented by the
	// kernel, and NoBatches each message by a system call of its own. They are for kernels
	// and links that do the one or the other wrong.
	NoSegmentation, NoBatches bool
	// SessionTimeout is how long a reader may be silent (60 s). One that says goodbye ends at
	// once, and a UDP reader whose host says that its port is closed after two seconds of
	// silence. Time in which the loop stood still does not count.
	SessionTimeout time.Duration
	// Adapt is what is done for readers that report loss (AdaptThin).
	Adapt Adapt
	// Log gets what happens (discarded). The loop does not wait for it: a logqueue.Queue is put
	// in front of its handler, unless that has a method NeverWaits.
	Log *slog.Logger
	// Random fills p with randomness for session ids, SSRCs and the like
	// (crypto/rand). A simulation gives its own.
	Random func(p []byte)
	// Work runs a job where it may wait or take long, and then the function that it returns, if it
	// is not nil, on the loop, never within Work (a goroutine for each job). A simulation gives its own.
	Work func(job func() (done func()))
	// Code does the same with a job that encodes, decodes or transcodes pictures for long (Work if that is given;
	// else on threads of lower priority, nice 10, which end when the Broadcaster is closed). While as many
	// jobs code pictures as GOMAXPROCS says, Go's scheduler can have the loop wait for 10 ms: a program
	// whose streams encode or transcode sets one more for each.
	Code func(job func() (done func()))
}

// NoLimit is no limit, where the zero value is one.
const NoLimit = -1

// AllAtOnce is the Spread that sends all bursts of a frame at once.
const AllAtOnce = -1

// Adapt is what is done for readers that report loss. Its zero value is the default.
type Adapt uint8

const (
	// AdaptOff sends everybody everything.
	AdaptOff Adapt = iota + 1
	// AdaptThin sends UDP readers that report loss only every 2nd, 4th or 8th frame, or where
	// frames depend on each other those that others need, or key frames alone: each by its own reports.
	AdaptThin
	// AdaptQuality does so too, and where readers at most addresses of a stream's readers report
	// loss and its source is a capture.Encoder, lowers the quality for all.
	AdaptQuality
)

// adaptNames are the words for it.
var adaptNames = map[string]Adapt{"off": AdaptOff, "thin": AdaptThin, "quality": AdaptQuality}

// UnmarshalText understands "off", "thin" and "quality".
func (a *Adapt) UnmarshalText(text []byte) error {
	known, ok := adaptNames[string(text)]
	if !ok {
		return fmt.Errorf("%q: must be off, thin or quality", text)
	}
	*a = known
	return nil
}

const (
	defaultLag     = 5
	maxLag         = 1000
	defaultLagTime = time.Second
	// maxGroupTime and maxGroupBytes bound the group of pictures that is kept, so that a new reader
	// can be caught up. Encoders' longest groups are 10 s as a rule. It takes about twice the bytes,
	// as its packets are kept, too.
	maxGroupTime          = 20 * time.Second
	maxGroupBytes         = 32 << 20
	defaultMTU            = 1500
	minMTU                = 576
	defaultSessionTimeout = 60 * time.Second
	// DefaultBurst is the number of packets in a burst. A burst costs about as much as a
	// whole frame, however few packets it has, so that smaller ones cost a multiple;
	// and small queues on the way, 64 packets, have room for one of this size.
	DefaultBurst = 32
	maxBurst     = 64
	// DefaultSpread has a large frame go out at a third more than the stream's mean rate,
	// and be done when a quarter of the interval is left.
	DefaultSpread = 0.75
	// DefaultMaxConnections and DefaultMaxConnectionsPerAddress are the limits of
	// connections.
	DefaultMaxConnections           = 4096
	DefaultMaxConnectionsPerAddress = 256
	// DefaultTCPBacklog is what the kernel holds for some 400 readers that read nothing.
	DefaultTCPBacklog = 64 << 20
	// ipv6UDPHeaderBytes is what IP and UDP put before a packet at most. All readers
	// share every byte, so the longer header counts for all.
	ipv6UDPHeaderBytes = 40 + 8
	// maxRunBytes is the largest UDP payload over IPv4.
	maxRunBytes = 65507
)

// Check says what is wrong with the configuration, if anything: the field in the
// words of the daemon's flags, its value and what it may be.
func (c Config) Check() error {
	_, err := c.withDefaults()
	return err
}

// withDefaults fills in what is not set, or says what is wrong.
func (c Config) withDefaults() (Config, error) {
	setDefault(&c.Lag, defaultLag)
	setDefault(&c.LagTime, defaultLagTime)
	setDefault(&c.MTU, defaultMTU)
	setDefault(&c.Burst, DefaultBurst)
	setDefault(&c.Spread, DefaultSpread)
	setDefault(&c.MaxReaders, NoLimit)
	setDefault(&c.MaxReadersPerAddress, NoLimit)
	setDefault(&c.MaxConnections, DefaultMaxConnections)
	setDefault(&c.MaxConnectionsPerAddress, DefaultMaxConnectionsPerAddress)
	setDefault(&c.TCPBacklog, DefaultTCPBacklog)
	setDefault(&c.SessionTimeout, defaultSessionTimeout)
	setDefault(&c.Adapt, AdaptThin)
	var err error
	if c.MaxFrame, err = capture.MaxFrame(c.MaxFrame); err != nil {
		return c, fmt.Errorf("max-frame: %w", err)
	}
	if c.Allow, err = c.Allow.normal(); err != nil {
		return c, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Random == nil {
		c.Random = func(p []byte) { _, _ = rand.Read(p) } // never fails, says its doc
	}
	switch {
	case c.Lag < 1 || c.Lag > maxLag:
		return c, fmt.Errorf("lag %d: must be 1 to %d frames", c.Lag, maxLag)
	case c.LagTime < 0 || c.LagTime > maxGroupTime:
		return c, fmt.Errorf("lag-time %v: must be 0s to %v", c.LagTime, maxGroupTime)
	case c.MTU < minMTU || c.MTU > 65535:
		return c, fmt.Errorf("mtu %d: must be %d to 65535 bytes", c.MTU, minMTU)
	case c.Burst < 1 || c.Burst > maxBurst:
		return c, fmt.Errorf("burst %d: must be 1 to %d packets", c.Burst, maxBurst)
	case c.Spread != AllAtOnce && !(c.Spread > 0 && c.Spread <= 1): // NaN is neither
		return c, fmt.Errorf("spread %v: must be 0 to 1, a share of the frame interval", c.Spread)
	case c.Adapt > AdaptQuality:
		return c, fmt.Errorf("adapt %d: must be AdaptOff, AdaptThin or AdaptQuality", c.Adapt)
	case c.SessionTimeout < time.Second:
		return c, fmt.Errorf("session timeout %v: must be at least 1s", c.SessionTimeout)
	}
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"max-readers", c.MaxReaders}, {"max-readers-per-address", c.MaxReadersPerAddress},
		{"max-connections", c.MaxConnections}, {"max-connections-per-address", c.MaxConnectionsPerAddress},
		{"max-tcp-backlog", c.TCPBacklog},
	} {
		if limit.value < NoLimit {
			return c, fmt.Errorf("%s %d: must not be negative", limit.name, limit.value)
		}
	}
	return c, nil
}

// ringLimits are how much a rendition keeps.
func (c Config) ringLimits() ring.Limits {
	return ring.Limits{Frames: c.Lag, Lag: c.LagTime, GroupBytes: maxGroupBytes, GroupTime: maxGroupTime}
}

// spread is the share of the frame interval that bursts are spread over; 0: none.
func (c Config) spread() float64 { return max(c.Spread, 0) }

// packetSize is how large an RTP packet is before it is sealed, in bytes.
func (c Config) packetSize() int {
	size := c.MTU - ipv6UDPHeaderBytes
	if c.SRTP {
		size -= srtp.TagBytes
	}
	return size
}

// runPackets is how many packets go to a reader at once: as many as the kernel takes, sealed ones, too,
// where there is no use in bursts that follow each other at once.
func (c Config) runPackets() int {
	packets := c.Burst
	if c.spread() == 0 {
		packets = maxBurst
	}
	return min(packets, maxRunBytes/(c.MTU-ipv6UDPHeaderBytes))
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// random32 returns 32 random bits.
func (c Config) random32() uint32 {
	var p [4]byte
	c.Random(p[:])
	return binary.BigEndian.Uint32(p[:])
}

// randomName returns a name that nobody can guess, of 32 hexadecimal digits.
func (c Config) randomName() string {
	var p [16]byte
	c.Random(p[:])
	return hex.EncodeToString(p[:])
}
