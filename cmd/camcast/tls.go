package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/tlsbridge"
	"github.com/spf13/pflag"
)

// tlsSettings is what the command line asks for of TLS.
type tlsSettings struct {
	// rtsps and https are addresses; the zero value: off.
	rtsps, https netip.AddrPort
	cert, key    string // files
}

// rawTLS are its flags' values as they were given.
type rawTLS struct{ rtsps, https, cert, key string }

// define defines the flags.
func (raw *rawTLS) define(f *pflag.FlagSet) {
	f.StringVar(&raw.rtsps, "rtsps", "", "`ADDRESS` to answer RTSP over TLS on, rtsps://, or \"off\" (default with --tls-cert the address of --rtsp, port 8322)")
	f.StringVar(&raw.https, "https", "off", "`ADDRESS` to answer HTTP over TLS on, https://; \"off\" is the default")
	f.StringVar(&raw.cert, "tls-cert", "", "the certificate, a PEM `FILE`, followed by those that issued it; read again on SIGHUP")
	f.StringVar(&raw.key, "tls-key", "", "the certificate's key, a PEM `FILE` that others may not read; read again on SIGHUP")
}

// defaultRTSPSPort is the port of RTSP over TLS.
const defaultRTSPSPort = 8322

// settings understands the values. Without an address of its own RTSP over TLS has the one of RTSP, so
// that somebody who has that answered on one address has nothing open on others.
func (raw *rawTLS) settings(plain netip.AddrPort) (s tlsSettings, err error) {
	s.cert, s.key = raw.cert, raw.key
	switch {
	case raw.cert == "" && raw.key != "":
		return s, errors.New("--tls-key is the key of a certificate: add --tls-cert FILE")
	case raw.cert != "" && raw.key == "":
		return s, errors.New("--tls-cert needs its key: add --tls-key FILE (it may be the same file)")
	case raw.cert == "" && raw.rtsps != "" && raw.rtsps != "off":
		return s, errors.New("--rtsps needs a certificate: add --tls-cert FILE --tls-key FILE (camcast certificate makes them)")
	case raw.cert == "" && raw.https != "off":
		return s, errors.New("--https needs a certificate: add --tls-cert FILE --tls-key FILE (camcast certificate makes them)")
	}
	if s.https, err = listenAddress("--https", raw.https); err != nil {
		return s, err
	}
	switch {
	case raw.rtsps != "":
		s.rtsps, err = listenAddress("--rtsps", raw.rtsps)
	case raw.cert != "" && plain.IsValid():
		s.rtsps = netip.AddrPortFrom(plain.Addr(), defaultRTSPSPort)
	case raw.cert != "":
		s.rtsps = netip.AddrPortFrom(netip.IPv6Unspecified(), defaultRTSPSPort)
	}
	return s, err
}

// openTLS reads the certificate that --rtsps and --https need, and has the streams served by RTSP over TLS.
func (d *service) openTLS() error {
	s := d.settings.tls
	if !s.rtsps.IsValid() && !s.https.IsValid() {
		return nil
	}
	one, err := certificate.Load(s.cert, s.key, time.Now())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (camcast certificate makes a certificate and its key)", err)
	case err != nil:
		return err
	}
	d.certificate.Set(one)
	if s.rtsps.IsValid() {
		bridge := tlsbridge.NewServer(&tls.Config{GetCertificate: d.certificate.Get})
		d.rtsps, err = rtsp.Listen(d.broadcaster, s.rtsps, rtsp.Options{Name: commandline.Version("camcast"), TLS: bridge})
		if err != nil {
			return explain(err, portRequest{"--rtsps", "tcp", []uint16{s.rtsps.Port()}})
		}
	}
	d.warnOfCertificate()
	d.reloads = append(d.reloads, reload{"--tls-cert " + s.cert, d.reloadCertificate})
	return nil
}

// reloadCertificate reads the certificate again, for new connections.
func (d *service) reloadCertificate() (apply func() (said []any), err error) {
	s := d.settings.tls
	one, err := certificate.Load(s.cert, s.key, time.Now())
	return func() []any {
		d.certificate.Set(one)
		if warning := d.certificate.Warning(time.Now()); warning != "" {
			d.log.Warn(warning)
		}
		return []any{"fingerprint", certificate.Fingerprint(one.Certificate[0]), "valid_until", one.Leaf.NotAfter.UTC().Format(time.DateOnly)}
	}, err
}

const (
	// certificateInterval is the time between two looks at how long the certificate is valid.
	certificateInterval = time.Hour
	// certificateWarnings is how often the same warning is not repeated before it is.
	certificateWarnings = 24
)

// warnOfCertificate logs that the certificate expires soon, or has: now, when that changes, and
// once a day.
func (d *service) warnOfCertificate() {
	l := d.broadcaster.Loop()
	said, silent := "", 0
	var timer *loop.Timer
	look := func() {
		warning := d.certificate.Warning(l.Kernel().Wall())
		if silent++; warning != "" && (warning != said || silent >= certificateWarnings) {
			d.log.Warn(warning)
			silent = 0
		}
		said = warning
		timer.SetAfter(certificateInterval)
	}
	timer = l.NewTimer(look)
	look()
}

// processors is how many goroutines may compute at once, besides the loop.
func (d *service) processors() int {
	n := max(len(d.settings.sources), 1)
	for _, spec := range d.settings.sources {
		if spec.encoding.isWished { // besides what makes the pictures
			n++
		}
	}
	if d.http != nil || d.https != nil {
		n++ // what reads requests of HTTP
	}
	if d.rtsps != nil || d.https != nil {
		n += tlsbridge.AtOnce()
	}
	return n
}
