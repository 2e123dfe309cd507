package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// webRTCSettings is what the flags say of WebRTC.
type webRTCSettings struct {
	isOn bool
	// public are further addresses that browsers are told, behind the one that they have asked. Port 0 stands for that of RTP.
	public []netip.AddrPort
}

// rawWebRTC are the values of its flags as they were given.
type rawWebRTC struct {
	mode   string // empty: on where HTTP is answered
	public []string
}

// setMode takes the value of --webrtc. An empty one is refused: a script's variable may not be set.
func (raw *rawWebRTC) setMode(mode string) error {
	if mode != "on" && mode != "off" {
		return errors.New("must be on or off")
	}
	raw.mode = mode
	return nil
}

// settings checks the flags. hasHTTP: HTTP or HTTPS is answered, by which browsers ask for WebRTC.
func (raw *rawWebRTC) settings(hasHTTP bool) (s webRTCSettings, err error) {
	s.isOn = hasHTTP && raw.mode != "off"
	if raw.mode == "on" && !hasHTTP {
		return s, errors.New("--webrtc on: browsers ask for it by HTTP: add --http ADDRESS or --https ADDRESS")
	}
	if len(raw.public) > 0 && !s.isOn {
		remedy := "add --http ADDRESS or --https ADDRESS, by which browsers ask for it"
		if raw.mode == "off" {
			remedy = "remove --webrtc off"
		}
		return s, fmt.Errorf("--public-address is for WebRTC, which is off: %s", remedy)
	}
	for _, text := range raw.public {
		address, err := parsePublicAddress(text)
		if err != nil {
			return s, err
		}
		s.public = append(s.public, address)
	}
	return s, nil
}

// isWebRTCLocal reports whether the page reaches other machines, and pictures by WebRTC do not, as RTP is on a loopback address.
func (s *settings) isWebRTCLocal() bool {
	isLocal := func(a netip.AddrPort) bool { return !a.IsValid() || a.Addr().IsLoopback() }
	return s.webRTC.isOn && len(s.webRTC.public) == 0 && s.config.RTP.Addr().IsLoopback() && !(isLocal(s.http) && isLocal(s.tls.https))
}

// parsePublicAddress understands 203.0.113.7, 203.0.113.7:5004, 2001:db8::7 and [2001:db8::7]:5004. Without a port the
// address has port 0.
func parsePublicAddress(text string) (netip.AddrPort, error) {
	host, port := text, uint64(0)
	why := ""
	if h, p, err := net.SplitHostPort(text); err == nil {
		host = h
		if port, err = strconv.ParseUint(p, 10, 16); err != nil || port == 0 {
			why = "its port is not 1 to 65535"
		}
	}
	ip, err := netip.ParseAddr(host)
	switch ip = ip.Unmap(); {
	case err != nil:
		why = "it is no IP address"
	case ip.Zone() != "":
		why = "its zone means nothing on other machines"
	case ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		why = "it is not the address of one machine"
	}
	if why != "" {
		return netip.AddrPort{}, fmt.Errorf("--public-address %q: %s: must be an IP address that browsers reach this machine at, such as 203.0.113.7, 203.0.113.7:5004 or [2001:db8::7]:5004", text, why)
	}
	return netip.AddrPortFrom(ip, uint16(port)), nil
}
