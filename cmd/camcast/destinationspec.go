package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	"github.com/camcast/camcast/cast"
)

// destinationSpec is a --send, understood.
type destinationSpec struct {
	stream string // "" for the first
	cast.Destination
}

const sendForm = "must be [NAME=]udp://HOST:PORT, such as udp://192.168.1.20:5000 or 'udp://239.1.2.3:5000?ttl=2'"

func parseDestinations(texts []string, sources []sourceSpec) ([]destinationSpec, error) {
	var specs []destinationSpec
	for _, text := range texts {
		spec, err := parseDestination(text)
		if err != nil {
			return nil, fmt.Errorf("--send %q: %w", text, err)
		}
		known := spec.stream == "" || spec.stream == defaultName(0) && len(sources) == 0 ||
			slices.ContainsFunc(sources, func(s sourceSpec) bool { return s.name == spec.stream })
		if !known {
			return nil, fmt.Errorf("--send %q: there is no stream named %s", text, spec.stream)
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

func parseDestination(text string) (spec destinationSpec, err error) {
	rest := text
	if m := namePrefix.FindStringSubmatch(rest); m != nil {
		spec.stream, rest = m[1], rest[len(m[0]):]
	}
	u, err := url.Parse(rest)
	if err != nil || u.Scheme != "udp" || u.Hostname() == "" || u.Port() == "" || u.Path != "" || u.User != nil {
		return spec, errors.New(sendForm)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port < 1 || port > 65534 {
		return spec, fmt.Errorf("port %s: must be 1 to 65534, as RTCP has the next one", u.Port())
	}
	address, err := resolve(u.Hostname())
	if err != nil {
		return spec, err
	}
	spec.Peer = netip.AddrPortFrom(address, uint16(port))
	return spec, spec.parseOptions(u.Query())
}

// resolve finds a host's address. It may ask a name server, once, before anything is
// served.
func resolve(host string) (netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap(), nil
	}
	found, err := net.LookupIP(host)
	if err != nil || len(found) == 0 {
		return netip.Addr{}, fmt.Errorf("host %s: not found: %w", host, err)
	}
	address, _ := netip.AddrFromSlice(found[0])
	return address.Unmap(), nil
}

func (spec *destinationSpec) parseOptions(values url.Values) error {
	for key, value := range values {
		text := value[len(value)-1]
		switch key {
		case "ttl":
			ttl, err := strconv.Atoi(text)
			if err != nil || ttl < 1 || ttl > 255 {
				return fmt.Errorf("ttl=%s: must be 1 to 255", text)
			}
			spec.TTL = ttl
		case "iface":
			spec.Interface = text
		default:
			return fmt.Errorf("option %q: unknown; a destination has ttl, iface", key)
		}
	}
	if !spec.Peer.Addr().IsMulticast() && len(values) > 0 {
		return fmt.Errorf("ttl and iface are for multicast groups, and %v is not one", spec.Peer.Addr())
	}
	return nil
}
