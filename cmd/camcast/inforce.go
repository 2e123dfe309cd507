package main

import (
	"net/netip"

	"github.com/camcast/camcast/cast"
)

// inForce is the configuration for those who administer: by the names of the flags, defaults filled in, without any
// secret. What sources are the API says of the streams.
func (s *settings) inForce(c cast.Config) map[string]any {
	destinations, public := []string{}, []string{}
	for _, a := range s.webRTC.public {
		public = append(public, publicAddress(a))
	}
	for _, to := range s.destinations {
		destinations = append(destinations, to.Peer.String())
	}
	return map[string]any{
		"rtsp": addressOrOff(s.rtsp), "rtp": addressOrOff(c.RTP), "http": addressOrOff(s.http), "rtsps": addressOrOff(s.tls.rtsps), "https": addressOrOff(s.tls.https),
		"http_origin": append([]string{}, s.httpOrigins...), "tls_cert": s.tls.cert, "auth": s.auth, "allow_basic": c.AllowBasic,
		"webrtc": s.webRTC.isOn, "public_address": public,
		"allow":     map[string][]netip.Prefix{"rtsp": append([]netip.Prefix{}, c.Allow.RTSP...), "rtp": append([]netip.Prefix{}, c.Allow.RTP...), "http": append([]netip.Prefix{}, c.Allow.HTTP...)},
		"max_frame": c.MaxFrame, "max_readers": unlimitedAsZero(c.MaxReaders), "max_readers_per_address": unlimitedAsZero(c.MaxReadersPerAddress),
		"max_connections": unlimitedAsZero(c.MaxConnections), "max_connections_per_address": unlimitedAsZero(c.MaxConnectionsPerAddress),
		"max_tcp_backlog_bytes": unlimitedAsZero(c.TCPBacklog), "low_ports": c.LowPorts,
		"lag": c.Lag, "lag_time_seconds": c.LagTime.Seconds(), "mtu": c.MTU, "burst": max(c.Burst, 0), "spread": max(c.Spread, 0),
		"clone": s.clone, "send": destinations, "sdp": s.sdpFile, "log": s.logFormat, "log_level": s.logLevel.String(),
	}
}

// addressOrOff is an address to listen on, as its flag has it.
func addressOrOff(a netip.AddrPort) string {
	if !a.IsValid() {
		return "off"
	}
	return a.String()
}

// publicAddress is an address as --public-address has it.
func publicAddress(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

// unlimitedAsZero is a limit as its flag has it.
func unlimitedAsZero(n int) int {
	if n == cast.NoLimit {
		return 0
	}
	return n
}
