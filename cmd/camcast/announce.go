package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/media"
)

// announce prints what is broadcast and how to watch it.
func (d *service) announce() {
	w, s := &bytes.Buffer{}, d.settings
	join := reach{scheme: "camcast", port: d.broadcaster.RTPPort(), hosts: hosts(s.config.RTP.Addr())}
	rtsp := reach{scheme: "rtsp", hosts: hosts(s.rtsp.Addr())}
	if d.rtsp != nil {
		rtsp.port = d.rtsp.Port()
	}
	rtsps := reach{scheme: "rtsps", hosts: hosts(s.tls.rtsps.Addr())}
	if d.rtsps != nil {
		rtsps.port = d.rtsps.Port()
	}
	if d.gate != nil {
		fmt.Fprintln(w, "Only users may watch: put USER:PASSWORD@ before the host of these URLs.")
	}
	d.eachHTTP(func(r reach) { announcePage(w, r) })
	for _, stream := range d.broadcaster.Streams() {
		fmt.Fprintf(w, "\n%s: %s\n", stream.Name(), describe(stream.Describe()))
		fmt.Fprintf(w, "  camview %s\n", join.url(join.hosts[0], stream.Name()))
		if rtsp.port != 0 {
			url := rtsp.url(rtsp.hosts[0], stream.Name())
			fmt.Fprintf(w, "  %s\n", url)
			fmt.Fprintf(w, "  ffplay -fflags nobuffer -flags low_delay -rtsp_transport udp %s\n", url)
			fmt.Fprintf(w, "  gst-launch-1.0 rtspsrc location=%s latency=100 ! %s ! videoconvert ! autovideosink\n", url, gstDecoder(stream))
			fmt.Fprintf(w, "  vlc %s\n", url)
		}
		if rtsps.port != 0 {
			fmt.Fprintf(w, "  ffplay -fflags nobuffer -flags low_delay -rtsp_transport tcp %s\n", rtsps.url(rtsps.hosts[0], stream.Name()))
		}
		d.announceHTTP(w, stream)
		announceElsewhere(w, stream.Name(), rtsp, rtsps, join)
		d.announceDestinations(w, stream)
	}
	fmt.Fprintln(w)
	_, _ = d.stdout.Write(w.Bytes())
}

// announcePage prints where browsers find the page.
func announcePage(w io.Writer, r reach) {
	fmt.Fprintf(w, "In a browser: %s", r.url(r.hosts[0], ""))
	for _, host := range r.hosts[1:] {
		fmt.Fprintf(w, "  from other machines: %s", r.url(host, ""))
	}
	fmt.Fprintln(w)
}

// announceHTTP prints where browsers find a stream.
func (d *service) announceHTTP(w io.Writer, stream *cast.Stream) {
	form := "mjpg"
	if p := stream.Params(); p != nil && p.Format != media.JPEG {
		form = "mp4"
	}
	d.eachHTTP(func(r reach) { fmt.Fprintf(w, "  %s.%s\n", r.url(r.hosts[0], stream.Name()), form) })
}

// eachHTTP calls f for HTTP, and for HTTP over TLS, as far as they are answered.
func (d *service) eachHTTP(f func(r reach)) {
	for _, one := range []struct {
		scheme string
		server *http.Server
		at     netip.AddrPort
	}{{"http", d.http, d.settings.http}, {"https", d.https, d.settings.tls.https}} {
		if one.server != nil {
			f(reach{scheme: one.scheme, port: one.server.Port(), hosts: hosts(one.at.Addr())})
		}
	}
}

// describe says what a source is and delivers.
func describe(d capture.Description) string {
	if d.Params == nil {
		return d.Source + ", not available yet"
	}
	rate := "an unknown rate"
	if fps := d.Params.FramesPerSecond; fps > 0 {
		rate = fmt.Sprintf("%.4g frames/s", fps)
	}
	return fmt.Sprintf("%s, %dx%d at %s, %s", d.Source, d.Params.Width, d.Params.Height, rate, d.Coding)
}

// announceDestinations prints where a stream is sent to.
func (d *service) announceDestinations(w io.Writer, stream *cast.Stream) {
	s := d.settings
	for i, to := range s.destinations {
		if d.streamOf(to) != stream {
			continue
		}
		switch name := sdpFileName(s.sdpFile, i); {
		case s.sdpFile == "":
			fmt.Fprintf(w, "  sent to udp://%v (to watch it a player needs the SDP: add --sdp FILE)\n", to.Peer)
		case d.described[i]:
			announceDescribed(w, to, stream, name)
		default:
			fmt.Fprintf(w, "  sent to udp://%v when the source is there; %s is written then\n", to.Peer, name)
		}
	}
}

// announceDescribed prints how to watch what is sent to a destination, by its SDP file.
func announceDescribed(w io.Writer, to destinationSpec, s *cast.Stream, name string) {
	fmt.Fprintf(w, "  sent to udp://%v, described in %s:\n", to.Peer, name)
	fmt.Fprintf(w, "  ffplay -protocol_whitelist file,udp,rtp -fflags nobuffer -flags low_delay %s\n", name)
	fmt.Fprintf(w, "  gst-launch-1.0 filesrc location=%s ! sdpdemux latency=100 ! %s ! videoconvert ! autovideosink\n", name, gstDecoder(s))
	fmt.Fprintf(w, "  vlc %s\n", name)
}

// reach is how streams are reached by one protocol.
type reach struct {
	scheme string
	port   uint16
	hosts  []string // for this machine, and for others
}

func (r reach) url(host, stream string) string {
	return r.scheme + "://" + net.JoinHostPort(host, strconv.Itoa(int(r.port))) + "/" + stream
}

// announceElsewhere prints a stream's URLs from other machines, as far as they are known.
func announceElsewhere(w io.Writer, stream string, protocols ...reach) {
	urls := ""
	for _, r := range protocols {
		if r.port == 0 {
			continue
		}
		for _, host := range r.hosts[1:] {
			urls += "  " + r.url(host, stream)
		}
	}
	if urls != "" {
		fmt.Fprintf(w, "  from other machines:%s\n", urls)
	}
}

// hosts is how this machine is called by itself, and then by others as far as it can
// tell, when it listens on an address.
func hosts(listening netip.Addr) []string {
	if !listening.IsUnspecified() {
		return []string{listening.String()}
	}
	const local = "127.0.0.1"
	for _, ip := range machineAddresses() {
		if ip.Is4() {
			return []string{local, ip.String()}
		}
	}
	return []string{local}
}

// machineAddresses are those that other machines may reach this one at, as far as it can tell.
func machineAddresses() (found []netip.Addr) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			if ip, ok := netip.AddrFromSlice(network.IP); ok {
				found = append(found, ip.Unmap())
			}
		}
	}
	return found
}

// gstDecoder are the elements by which GStreamer decodes a stream. Of H.264 and H.265 it has several
// decoders, in packages of their own: decodebin takes one that is installed.
func gstDecoder(s *cast.Stream) string {
	switch encoding, _ := s.Format(); encoding {
	case "H264":
		return "rtph264depay ! decodebin"
	case "H265":
		return "rtph265depay ! decodebin"
	}
	return "rtpjpegdepay ! jpegdec"
}
