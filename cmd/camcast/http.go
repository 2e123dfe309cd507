package main

import (
	"os"

	"github.com/camcast/camcast/cast/http"
)

// openHTTP has the streams served by HTTP, if that is asked for.
func (d *service) openHTTP() (err error) {
	address := d.settings.http
	if !address.IsValid() {
		return nil
	}
	host, _ := os.Hostname() // without one it is not asked by its name
	d.http, err = http.Serve(d.broadcaster, address, http.Options{Origins: d.settings.httpOrigins, Hostname: host})
	return explain(err, portRequest{"--http", "tcp", []uint16{address.Port()}})
}
