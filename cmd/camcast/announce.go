package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"

	"github.com/camcast/camcast/cast"
)

// announce prints what is broadcast and how to watch it.
func announce(w io.Writer, b *cast.Broadcaster, s *settings) {
	rtsp := reach{scheme: "rtsp", port: b.RTSPPort(), hosts: hosts(s.config.RTSP.Addr())}
	join := reach{scheme: "camcast", port: b.RTPPort(), hosts: hosts(s.config.RTP.Addr())}
	for _, stream := range b.Streams() {
		d := stream.Describe()
		fmt.Fprintf(w, "\n%s: %s, %dx%d at %.4g frames/s, %s\n", stream.Name(), d.Source, d.Width, d.Height, d.FramesPerSecond, d.Coding)
		fmt.Fprintf(w, "  camview %s\n", join.everywhere(stream.Name()))
		if rtsp.port == 0 {
			continue
		}
		url := rtsp.url(rtsp.hosts[0], stream.Name())
		fmt.Fprintf(w, "  %s\n", rtsp.everywhere(stream.Name()))
		fmt.Fprintf(w, "  ffplay -fflags nobuffer -flags low_delay -rtsp_transport udp %s\n", url)
		fmt.Fprintf(w, "  gst-launch-1.0 rtspsrc location=%s latency=100 ! rtpjpegdepay ! jpegdec ! videoconvert ! autovideosink\n", url)
		fmt.Fprintf(w, "  vlc %s\n", url)
	}
	announceDestinations(w, s)
	fmt.Fprintln(w)
}

func announceDestinations(w io.Writer, s *settings) {
	for i, d := range s.destinations {
		fmt.Fprintf(w, "  sent to udp://%v", d.Peer)
		if s.sdpFile == "" {
			fmt.Fprintf(w, " (to watch it a player needs the SDP: add --sdp FILE)\n")
			continue
		}
		name := sdpFileName(s.sdpFile, i)
		fmt.Fprintf(w, ", described in %s:\n", name)
		fmt.Fprintf(w, "  ffplay -protocol_whitelist file,udp,rtp -fflags nobuffer -flags low_delay %s\n", name)
		fmt.Fprintf(w, "  gst-launch-1.0 filesrc location=%s ! sdpdemux latency=100 ! rtpjpegdepay ! jpegdec ! videoconvert ! autovideosink\n", name)
		fmt.Fprintf(w, "  vlc %s\n", name)
	}
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

// everywhere is a stream's URL on this machine, and from others.
func (r reach) everywhere(stream string) string {
	text := r.url(r.hosts[0], stream)
	for _, host := range r.hosts[1:] {
		text += "  or from elsewhere  " + r.url(host, stream)
	}
	return text
}

// hosts is how this machine is called by itself, and then by others as far as it can
// tell, when it listens on an address.
func hosts(listening netip.Addr) []string {
	if !listening.IsUnspecified() {
		return []string{listening.String()}
	}
	const local = "127.0.0.1"
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return []string{local}
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() && network.IP.To4() != nil {
			return []string{local, network.IP.String()}
		}
	}
	return []string{local}
}
