package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	nethttp "net/http"
	"net/netip"
	"os"
	"strconv"

	"github.com/camcast/camcast/capture/v4l2"
	"github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/cast/webrtc"
	"github.com/camcast/camcast/metrics"
	"github.com/camcast/camcast/tlsbridge"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// defaultHTTP is the address that HTTP is answered on if none is given: only this machine's programs reach it.
const defaultHTTP = "127.0.0.1:8080"

// openHTTP has the page and the streams served by HTTP, unless that is off. That a port is in use which nobody has
// asked for is no failure.
func (d *service) openHTTP() (err error) {
	if d.settings.isWebRTCLocal() {
		d.log.Warn("browsers on other machines are sent nothing by WebRTC: RTP is on this machine's loopback address; --rtp chooses another", "rtp", d.settings.config.RTP)
	}
	if d.settings.webRTC.isOn {
		o := webrtc.Options{PublicAddresses: d.settings.webRTC.public, MachineAddresses: machineAddresses()}
		if d.webRTC, err = webrtc.Serve(d.broadcaster, o); err != nil {
			return err
		}
	}
	if address := d.settings.http; address.IsValid() {
		d.http, err = d.serveHTTP("--http", address, nil)
		if err != nil && d.settings.isHTTPDefault {
			d.log.Warn("there is no page, and nothing is answered by HTTP", "error", err)
			err = nil
		}
	}
	if address := d.settings.tls.https; address.IsValid() && err == nil {
		// Without HTTP/2: what streams has a connection of its own.
		bridge := tlsbridge.NewServer(&tls.Config{GetCertificate: d.certificate.Get, NextProtos: []string{"http/1.1"}})
		d.https, err = d.serveHTTP("--https", address, bridge)
	}
	return err
}

// serveHTTP answers HTTP at an address that a flag has given, over TLS or not.
func (d *service) serveHTTP(flag string, address netip.AddrPort, tls http.Terminator) (*http.Server, error) {
	host, _ := os.Hostname() // without one it is not asked by its name
	options := http.Options{
		Origins: d.settings.httpOrigins, Hostname: host, TLS: tls,
		Camera: d.camera, Settings: d.settings.inForce(d.broadcaster.Config()), Metrics: d.metrics(), Decode: pictureOf,
	}
	if d.webRTC != nil {
		options.WHEP = d.webRTC
	}
	if d.rtsp != nil {
		options.RTSPPort = d.rtsp.Port()
	}
	if d.rtsps != nil {
		options.RTSPSPort = d.rtsps.Port()
	}
	s, err := http.Serve(d.broadcaster, address, options)
	return s, explain(err, portRequest{flag, "tcp", []uint16{address.Port()}})
}

// metrics answers with the figures of the broadcast and of the process.
func (d *service) metrics() nethttp.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(d.broadcaster, metrics.Options{DroppedLogLines: d.droppedLogLines}),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// camera is a stream's, nil if its source is none.
func (d *service) camera(stream string) http.Camera {
	if path, ok := d.cameras[stream]; ok {
		return camera{path}
	}
	return nil
}

// camera is one whose controls the API lists and sets.
type camera struct{ path string }

// Controls implements http.Camera.
func (c camera) Controls() (all []http.Control, err error) {
	found, err := v4l2.Controls(c.path)
	for _, one := range printableControls(found) {
		control := http.Control{
			Name: one.Name, Title: one.Title, Kind: string(one.Kind), Value: one.Value, Least: one.Least, Most: one.Most, Step: one.Step,
			Default: one.Default, Inactive: one.Inactive, ReadOnly: one.ReadOnly,
		}
		for _, choice := range one.Menu {
			control.Menu = append(control.Menu, http.Choice{Value: choice.Index, Name: choice.Name})
		}
		all = append(all, control)
	}
	return all, err
}

// SetControl implements http.Camera.
func (c camera) SetControl(name string, value int64) error {
	found, err := v4l2.Controls(c.path)
	if err != nil {
		return err
	}
	one, err := v4l2.FindControl(found, name)
	if err != nil {
		return errors.Join(http.ErrNoControl, err)
	}
	text := strconv.FormatInt(value, 10)
	if _, err := one.Parse(text); err != nil {
		return fmt.Errorf("%w: %w", http.ErrBadValue, err)
	}
	_, err = v4l2.SetControls(c.path, []v4l2.Setting{{Name: one.Name, Value: text}})
	return err
}
