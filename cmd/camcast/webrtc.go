package main

import (
	"errors"
	"fmt"
	"net/netip"
)

// webRTCSettings is what the flags say of WebRTC.
type webRTCSettings struct {
	isOn bool
	// public are further addresses that browsers are told, behind the one that they have asked. Port 0 is that of RTP.
	public []netip.AddrPort
}

// rawWebRTC are the values of its flags as they were given.
type rawWebRTC struct {
	mode   string // empty: on where HTTP is answered
	public []string
}

// settings checks what was given. hasHTTP: HTTP or HTTPS is answered, by which browsers ask for WebRTC.
func (raw *rawWebRTC) settings(hasHTTP bool) (s webRTCSettings, err error) {
	switch raw.mode {
	case "":
		s.isOn = hasHTTP
	case "on", "off":
		s.isOn = raw.mode == "on"
	default:
		return s, fmt.Errorf("--webrtc %q: must be on or off", raw.mode)
	}
	if s.isOn && !hasHTTP {
		return s, errors.New("--webrtc on: browsers ask for it by HTTP: add --http ADDRESS or --https ADDRESS")
	}
	if len(raw.public) > 0 && !s.isOn {
		return s, errors.New("--public-address is for WebRTC, which is off: remove --webrtc off, and add --http ADDRESS or --https ADDRESS where HTTP is off")
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

// parsePublicAddress understands 203.0.113.7, 203.0.113.7:5004, 2001:db8::7 and [2001:db8::7]:5004. Without a port that is 0.
func parsePublicAddress(text string) (netip.AddrPort, error) {
	address, err := netip.ParseAddrPort(text)
	isWhole := err == nil && address.Port() != 0
	if err != nil {
		var ip netip.Addr
		ip, err = netip.ParseAddr(text)
		address, isWhole = netip.AddrPortFrom(ip, 0), err == nil
	}
	ip := address.Addr().Unmap()
	if !isWhole || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.AddrPort{}, fmt.Errorf("--public-address %q: must be an IP address that browsers reach this machine at, such as 203.0.113.7, 203.0.113.7:5004 or [2001:db8::7]:5004", text)
	}
	return netip.AddrPortFrom(ip, address.Port()), nil
}
