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
	local, others := hosts(s.config.RTSP.Addr())
	for _, stream := range b.Streams() {
		d := stream.Describe()
		fmt.Fprintf(w, "\n%s: %s, %dx%d at %.4g frames/s, %s\n", stream.Name(), d.Source, d.Width, d.Height, d.FramesPerSecond, d.Coding)
		if b.RTPPort() != 0 {
			fmt.Fprintf(w, "  camview camcast://%s/%s\n", net.JoinHostPort(local, strconv.Itoa(int(b.RTPPort()))), stream.Name())
		}
		if b.RTSPPort() == 0 {
			continue
		}
		url := rtspURL(local, b.RTSPPort(), stream.Name())
		fmt.Fprintf(w, "  %s", url)
		for _, host := range others {
			fmt.Fprintf(w, "  or from elsewhere  %s", rtspURL(host, b.RTSPPort(), stream.Name()))
		}
		fmt.Fprintf(w, "\n  ffplay -fflags nobuffer -flags low_delay -rtsp_transport udp %s\n", url)
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

func rtspURL(host string, port uint16, name string) string {
	return "rtsp://" + net.JoinHostPort(host, strconv.Itoa(int(port))) + "/" + name
}

// hosts is how this machine is called by itself, and by others as far as it can tell.
func hosts(listening netip.Addr) (local string, others []string) {
	if !listening.IsUnspecified() {
		return listening.String(), nil
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1", nil
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() && network.IP.To4() != nil {
			return "127.0.0.1", []string{network.IP.String()}
		}
	}
	return "127.0.0.1", nil
}
