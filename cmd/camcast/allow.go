package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/camcast/camcast/cast"
)

// parseAllow understands the values of --allow.
func parseAllow(values []string) (allow cast.Allow, err error) {
	for _, value := range values {
		network, err := parseNetwork(value)
		if err != nil {
			return allow, err
		}
		kind, _, limited := strings.Cut(value, "=")
		if !limited || kind == "rtsp" {
			allow.RTSP = append(allow.RTSP, network)
		}
		if !limited || kind == "rtp" {
			allow.RTP = append(allow.RTP, network)
		}
		if !limited || kind == "http" {
			allow.HTTP = append(allow.HTTP, network)
		}
	}
	return allow, nil
}

// parseNetwork understands "192.0.2.0/24" and "192.0.2.1", with "rtsp=", "rtp=" or "http=" before it or not.
func parseNetwork(value string) (netip.Prefix, error) {
	kind, text, limited := strings.Cut(value, "=")
	if !limited {
		text = value
	} else if kind != "rtsp" && kind != "rtp" && kind != "http" {
		return netip.Prefix{}, fmt.Errorf("--allow %q: only rtsp=, rtp= and http= may be before the network", value)
	}
	network, err := netip.ParsePrefix(text)
	if address, alone := netip.ParseAddr(text); alone == nil && address.Zone() == "" {
		network, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	if err == nil {
		err = cast.Config{Allow: cast.Allow{RTP: []netip.Prefix{network}}}.Check()
	}
	if err != nil {
		return network, fmt.Errorf("--allow %q: must be a network or an address, such as 192.168.1.0/24, 2001:db8::/32 or 192.168.1.7", value)
	}
	return network, nil
}
