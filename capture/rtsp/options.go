package rtsp

import (
	"context"
	crand "crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/uri"
	"github.com/camcast/camcast/receive"
)

// Transport is how packets come from the camera.
type Transport uint8

const (
	// AnyTransport is by UDP, or on the connection if the camera refuses UDP or nothing comes by it.
	AnyTransport Transport = iota
	// OnlyUDP is by UDP.
	OnlyUDP
	// OnlyTCP is on the connection.
	OnlyTCP
)

// Options are the settings of a camera. Loop and URL are needed.
type Options struct {
	// Loop is that of the Host.
	Loop *loop.Loop
	// URL is rtsp://[USER:PASSWORD@]HOST[:PORT]/PATH or rtsps://..., as package uri reads it.
	URL string
	// Transport is how packets come. With rtsps:// they come on the connection.
	Transport Transport
	// TLS is what crypto/tls is to do with the camera, for rtsps://; nil: trust the system's
	// authorities.
	TLS *tls.Config
	// AllowBasic has the password be sent in clear text to a camera that takes it in no other way.
	AllowBasic bool
	// UserAgent is how the program names itself to the camera.
	UserAgent string
	// Lookup finds the addresses of a host, on a worker (receive.Lookup).
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Random fills p with randomness (crypto/rand).
	Random func(p []byte)
	// Log gets what a person should know, beyond what is reported to the Host (none).
	Log *slog.Logger
}

const (
	rtspPort  = 554 // RFC 2326, section 3.2
	rtspsPort = 322 // RFC 7826, section 4.2
)

// Check says what is wrong with the URL and the transport. The error does not show a password.
func (o *Options) Check() error {
	_, _, err := o.address()
	return err
}

// address reads the URL.
func (o *Options) address() (u uri.URL, port uint16, err error) {
	if u, err = uri.Parse(o.URL); err != nil {
		return u, 0, err
	}
	switch u.Scheme {
	case "rtsp":
		port = rtspPort
	case "rtsps":
		if port = rtspsPort; o.Transport == OnlyUDP {
			return u, 0, errors.New("by UDP pictures would not be encrypted: rtsps:// needs TCP")
		}
	default:
		return u, 0, errors.New("must begin with rtsp:// or rtsps://")
	}
	if u.Port != "" {
		n, err := strconv.ParseUint(u.Port, 10, 16)
		if err != nil || n == 0 {
			return u, 0, fmt.Errorf("port %s must be 1 to 65535", u.Port)
		}
		port = uint16(n)
	}
	return u, port, nil
}

// complete fills in what was left out.
func (o *Options) complete(u uri.URL) (err error) {
	if o.Lookup == nil {
		o.Lookup = receive.Lookup
	}
	if o.Random == nil {
		o.Random = func(p []byte) { _, _ = crand.Read(p) } // never fails, says its doc
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if u.Scheme == "rtsps" && o.TLS == nil {
		o.TLS, err = receive.Trust{}.Config(u.Host)
	}
	return err
}

// number is a random one.
func (o *Options) number() uint32 {
	var p [4]byte
	o.Random(p[:])
	return binary.BigEndian.Uint32(p[:])
}
