package main

import (
	"net/netip"
	"os"

	"github.com/camcast/camcast/cast/http"
)

// openHTTP has the streams served by HTTP, if that is asked for.
func (d *service) openHTTP() (err error) {
	if address := d.settings.http; address.IsValid() {
		d.http, err = d.serveHTTP("--http", address, nil)
	}
	return err
}

// serveHTTP answers HTTP at an address that a flag has given, over TLS or not.
func (d *service) serveHTTP(flag string, address netip.AddrPort, tls http.Terminator) (*http.Server, error) {
	host, _ := os.Hostname() // without one it is not asked by its name
	s, err := http.Serve(d.broadcaster, address, http.Options{Origins: d.settings.httpOrigins, Hostname: host, TLS: tls})
	return s, explain(err, portRequest{flag, "tcp", []uint16{address.Port()}})
}
