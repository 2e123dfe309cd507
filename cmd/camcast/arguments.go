package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/spf13/pflag"
)

// settings is what the command line asks for.
type settings struct {
	config      cast.Config
	rtsp        netip.AddrPort // the zero value: off
	http        netip.AddrPort // the zero value: off
	httpOrigins []string
	// isHTTPDefault: the address of HTTP is the default.
	isHTTPDefault bool
	tls           tlsSettings
	webRTC        webRTCSettings
	sources       []sourceSpec
	destinations  []destinationSpec
	sdpFile       string
	clone         string // interface
	auth          string // file, empty: everybody may watch
	logFormat     string
	logLevel      slog.Level
}

// rawFlags are the flags' values as they were given.
type rawFlags struct {
	rtsp, rtp, http  string
	httpOrigins      []string
	tls              rawTLS
	webRTC           rawWebRTC
	lag, mtu, burst  int
	lagTime          time.Duration
	maxFrame         int
	limits           rawLimits
	lowPorts         bool
	spread           float64
	adapt, clone     string
	auth             string
	allowBasic       bool
	allow            []string
	send             []string
	sdp              string
	logFormat, level string
}

// rawLimits are how many readers and connections there may be; 0 is no limit.
type rawLimits struct {
	readers, readersPerAddress, connections, connectionsPerAddress int
	backlog                                                        int // in megabytes
}

// newProgram defines all flags, in the groups they are explained in.
func newProgram(raw *rawFlags) *commandline.Program {
	p := &commandline.Program{Name: "camcast", Head: helpHead, Tail: helpTail}
	p.Groups = []commandline.Group{
		commandline.NewGroup("Where to listen", func(f *pflag.FlagSet) {
			f.StringVar(&raw.rtsp, "rtsp", ":8554", "`ADDRESS` to answer RTSP on, or \"off\": viewers can only join by camcast:// then")
			f.StringVar(&raw.rtp, "rtp", "", "`ADDRESS` to send RTP from, where camcast:// viewers join; RTCP has the next port; port 0 takes a free pair (default the address of --rtsp, port 5004)")
			f.StringVar(&raw.http, "http", "", "`ADDRESS` to answer HTTP on, or \"off\": a page with all streams for browsers, /NAME.mjpg, /NAME.mp4, /NAME.jpg and /NAME.sdp for players, an API, metrics (default "+defaultHTTP+": this machine alone)")
			f.StringArrayVar(&raw.httpOrigins, "http-origin", nil, "answer HTTP also to those who ask this machine by this `HOST` name; its addresses, its own name and localhost are answered in any case; may be repeated")
			f.Func("webrtc", "send browsers H.264 by WebRTC, too, `on|off`: they ask for it by HTTP (/NAME/whep), and it comes from the port of --rtp, encrypted (default on where HTTP is answered)", raw.webRTC.setMode)
			f.StringArrayVar(&raw.webRTC.public, "public-address", nil, "tell browsers also this address, `IP[:PORT]`, for WebRTC: where they reach the port of --rtp if this machine is behind NAT or in a container; may be repeated")
		}),
		commandline.NewGroup("TLS", raw.tls.define),
		commandline.NewGroup("Sources", func(f *pflag.FlagSet) {
			f.IntVar(&raw.maxFrame, "max-frame", capture.DefaultMaxFrame, "largest frame to send, in `BYTES`; larger ones are skipped and counted; it bounds the memory that a file or camera can make camcast use")
		}),
		commandline.NewGroup("Viewers", func(f *pflag.FlagSet) {
			f.IntVar(&raw.limits.readers, "max-readers", 0, "at most `N` viewers at once, over all streams; 0 is no limit")
			f.IntVar(&raw.limits.readersPerAddress, "max-readers-per-address", 0, "at most `N` viewers from one IP address, or one /64 of IPv6; 0 is no limit")
			f.IntVar(&raw.limits.connections, "max-connections", cast.DefaultMaxConnections, "at most `N` RTSP and HTTP connections at once; a viewer counts twice until it plays; 0 is no limit")
			f.IntVar(&raw.limits.connectionsPerAddress, "max-connections-per-address", cast.DefaultMaxConnectionsPerAddress, "at most `N` RTSP and HTTP connections from one IP address, or one /64 of IPv6; 0 is no limit")
			f.BoolVar(&raw.lowPorts, "low-ports", false, "send to UDP ports below 1024, too, where services of a system listen, if viewers ask for it")
			f.IntVar(&raw.limits.backlog, "max-tcp-backlog", cast.DefaultTCPBacklog>>20, "at most `MB` megabytes waiting in the kernel for TCP viewers that read nothing, of whom the oldest are ended; 0 is no limit")
			f.IntVar(&raw.lag, "lag", 5, "`FRAMES` that a viewer may be behind; further behind, it goes on with the newest")
			f.DurationVar(&raw.lagTime, "lag-time", time.Second, "`TIME` that a viewer of H.264 or H.265 may be behind; further behind, it goes on with a newer key frame, if there is one")
			f.IntVar(&raw.mtu, "mtu", 1500, "largest IP packet to send, in `BYTES`")
			f.IntVar(&raw.burst, "burst", cast.DefaultBurst, "`PACKETS` to send to a viewer at once, 1 to 64 (with --spread 0 as many as fit)")
			f.Float64Var(&raw.spread, "spread", cast.DefaultSpread, "`SHARE` of the frame interval to spread a frame's bursts over, up to 1; 0 sends them at once")
			f.StringVar(&raw.adapt, "adapt", "thin", "`MODE` for UDP viewers that report loss: off, thin (they get fewer frames) or quality (also, while viewers at most addresses report loss, lower the quality of pictures that are encoded here)")
			f.StringVar(&raw.clone, "clone", "", "have the kernel copy frames to the UDP viewers behind this Ethernet `INTERFACE` (eBPF; Linux 6.6, as root), for many viewers on a fast link")
		}),
		commandline.NewGroup("Who may watch", func(f *pflag.FlagSet) {
			f.Func("auth", "only the users in this `FILE` may watch, by their passwords; camcast passwd writes it; SIGHUP has it read again", func(file string) error {
				if raw.auth = file; file == "" { // as by a variable of a script that is not set
					return errors.New("a FILE is needed")
				}
				return nil
			})
			f.BoolVar(&raw.allowBasic, "allow-basic", false, "with --auth, take passwords in clear text also where there is no TLS, for viewers that have no other way (HTTP's Basic scheme): everybody on the way can read them")
			f.StringArrayVar(&raw.allow, "allow", nil, "serve only this `NETWORK` or address, such as 192.168.1.0/24; rtsp=NETWORK is for RTSP connections alone, http=NETWORK for HTTP, rtp=NETWORK for joining and for all RTP over UDP; may be repeated")
		}),
		commandline.NewGroup("Fixed destinations, without RTSP", func(f *pflag.FlagSet) {
			f.StringArrayVar(&raw.send, "send", nil, "send to `DESTINATION`, a host or a multicast group: [NAME=]udp://HOST:PORT[?ttl=1&iface=eth0]; NAME is a stream (default: the first); may be repeated")
			f.StringVar(&raw.sdp, "sdp", "", "write an SDP `FILE` that a player opens to watch the first --send; with cam.sdp the second has cam-2.sdp, and so on")
		}),
		commandline.NewGroup("Log", func(f *pflag.FlagSet) {
			f.StringVar(&raw.logFormat, "log", "text", "format of the log on stderr, `text|json`")
			f.StringVar(&raw.level, "log-level", "info", "least `LEVEL` to log: debug, info, warn or error")
			p.AddHelp(f)
		}),
	}
	return p
}

// parseArguments understands the command line or says what is wrong with it.
func parseArguments(args []string) (*settings, error) {
	var raw rawFlags
	sources, err := newProgram(&raw).Parse(args)
	if err != nil {
		return nil, err
	}
	return raw.settings(sources)
}

func (raw *rawFlags) settings(sources []string) (*settings, error) {
	s := &settings{sdpFile: raw.sdp, clone: raw.clone, auth: raw.auth, logFormat: raw.logFormat, config: raw.config()}
	s.applyEnvironment()
	var err error
	if s.rtsp, err = listenAddress("--rtsp", raw.rtsp); err != nil {
		return nil, err
	}
	s.isHTTPDefault = raw.http == ""
	if s.http, err = listenAddress("--http", cmp.Or(raw.http, defaultHTTP)); err != nil {
		return nil, err
	}
	s.config.HTTP = s.http.IsValid() || raw.tls.https != "off"
	s.httpOrigins = raw.httpOrigins
	if s.tls, err = raw.tls.settings(s.rtsp); err != nil {
		return nil, err
	}
	if s.webRTC, err = raw.webRTC.settings(s.config.HTTP); err != nil {
		return nil, err
	}
	s.config.SRTP = s.tls.rtsps.IsValid()
	if s.config.RTP, err = raw.rtpAddress(s.rtsp); err != nil {
		return nil, err
	}
	if err := s.config.Adapt.UnmarshalText([]byte(raw.adapt)); err != nil {
		return nil, fmt.Errorf("--adapt %w", err)
	}
	if err := s.logLevel.UnmarshalText([]byte(raw.level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: must be debug, info, warn or error", raw.level)
	}
	if raw.logFormat != "text" && raw.logFormat != "json" {
		return nil, fmt.Errorf("--log %q: must be text or json", raw.logFormat)
	}
	if err := checkRanges(raw); err != nil {
		return nil, err
	}
	if s.config.Allow, err = parseAllow(raw.allow); err != nil {
		return nil, err
	}
	if s.sources, err = parseSources(sources); err != nil {
		return nil, err
	}
	if s.destinations, err = parseDestinations(raw.send, s.sources); err != nil {
		return nil, err
	}
	return s, raw.checkCombination()
}

// applyEnvironment takes the switches that turn off what a kernel or a link may do wrong.
func (s *settings) applyEnvironment() {
	s.config.NoSegmentation = switchedOff("CAMCAST_UDP_SEGMENT")
	s.config.NoBatches = switchedOff("CAMCAST_SENDMMSG")
	if switchedOff("CAMCAST_CLONE") {
		s.clone = ""
	}
}

// config is what the flags say, in cast's words, in which a zero is the default.
func (raw *rawFlags) config() cast.Config {
	c := cast.Config{
		MaxFrame: raw.maxFrame, Lag: raw.lag, LagTime: raw.lagTime, MTU: raw.mtu, Burst: raw.burst, Spread: raw.spread,
		MaxReaders: raw.limits.readers, MaxReadersPerAddress: raw.limits.readersPerAddress,
		MaxConnections: raw.limits.connections, MaxConnectionsPerAddress: raw.limits.connectionsPerAddress,
		LowPorts: raw.lowPorts, AllowBasic: raw.allowBasic,
		TCPBacklog: min(raw.limits.backlog, math.MaxInt>>20) << 20,
	}
	if c.Spread == 0 {
		c.Spread = cast.AllAtOnce
	}
	for _, limit := range []*int{&c.MaxReaders, &c.MaxReadersPerAddress, &c.MaxConnections, &c.MaxConnectionsPerAddress, &c.TCPBacklog} {
		if *limit == 0 {
			*limit = cast.NoLimit
		}
	}
	return c
}

// checkRanges has cast judge the numbers. What means something else to it is judged here: a
// zero is the default, and a -1 no limit.
func checkRanges(raw *rawFlags) error {
	for _, f := range []struct {
		name         string
		value, least int
	}{
		{"max-frame", raw.maxFrame, 1}, {"lag", raw.lag, 1}, {"mtu", raw.mtu, 1}, {"burst", raw.burst, 1},
		{"max-readers", raw.limits.readers, 0}, {"max-readers-per-address", raw.limits.readersPerAddress, 0},
		{"max-connections", raw.limits.connections, 0}, {"max-connections-per-address", raw.limits.connectionsPerAddress, 0},
		{"max-tcp-backlog", raw.limits.backlog, 0},
	} {
		if f.value < f.least && f.value >= -1 {
			return fmt.Errorf("--%s %d: must be at least %d", f.name, f.value, f.least)
		}
	}
	if raw.lagTime <= 0 {
		return fmt.Errorf("--lag-time %v: must be more than 0s", raw.lagTime)
	}
	if raw.spread < 0 {
		return fmt.Errorf("--spread %v: must be 0 to 1, a share of the frame interval", raw.spread)
	}
	if err := raw.config().Check(); err != nil {
		return fmt.Errorf("--%w", err)
	}
	return nil
}

func (raw *rawFlags) checkCombination() error {
	if raw.sdp != "" && len(raw.send) == 0 {
		return errors.New("--sdp describes a --send: add --send udp://HOST:PORT")
	}
	for _, host := range raw.httpOrigins {
		if host == "" || strings.ContainsAny(host, ":/ ,") {
			return fmt.Errorf("--http-origin %q: must be a host's name, such as cams.example.org", host)
		}
	}
	if len(raw.httpOrigins) > 0 && raw.http == "off" && raw.tls.https == "off" {
		return errors.New("--http-origin is about HTTP: add --http ADDRESS or --https ADDRESS")
	}
	if raw.allowBasic && raw.auth == "" {
		return errors.New("--allow-basic is about the passwords of --auth: add --auth FILE")
	}
	return nil
}

// defaultRTPPort is the port that RTP is sent from.
const defaultRTPPort = 5004

// rtpAddress is the address that RTP is sent from: unless one is given, that of RTSP, so that
// somebody who has RTSP answered on one address has nothing open on others.
func (raw *rawFlags) rtpAddress(rtsp netip.AddrPort) (netip.AddrPort, error) {
	switch {
	case raw.rtp != "":
		return listenAddress("--rtp", raw.rtp)
	case rtsp.IsValid():
		return netip.AddrPortFrom(rtsp.Addr(), defaultRTPPort), nil
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), defaultRTPPort), nil
}

// listenAddress understands ":8554", "127.0.0.1:8554", "[::1]:8554" and "off".
func listenAddress(flag, text string) (netip.AddrPort, error) {
	if text == "off" {
		if flag == "--rtp" {
			return netip.AddrPort{}, errors.New("--rtp off: cannot be off, as RTSP, camcast:// and WebRTC send from it; --rtp 127.0.0.1:5004 keeps it to this machine")
		}
		return netip.AddrPort{}, nil
	}
	full := text
	if strings.HasPrefix(text, ":") {
		full = "[::]" + text // all addresses of both families
	} else if port, ok := strings.CutPrefix(text, "localhost:"); ok {
		full = "127.0.0.1:" + port
	}
	address, err := netip.ParseAddrPort(full)
	if err == nil && flag == "--rtp" && address.Port() == 65535 {
		return netip.AddrPort{}, fmt.Errorf("%s %q: must be below 65535, as RTCP has the next port", flag, text)
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%s %q: must be an address to listen on, such as :8554, 127.0.0.1:8554 or [::1]:8554", flag, text)
	}
	return address, nil
}

// printFailure prints why camcast ends.
func (s *settings) printFailure(w io.Writer, err error) {
	if s.logFormat == "json" {
		slog.New(s.logHandler(w)).Error("camcast has failed", "error", err)
		return
	}
	fmt.Fprintf(w, "camcast: %s\n", commandline.OneLine(err))
}

// figuresPrinter prints figures as the log is printed.
func (s *settings) figuresPrinter() figuresPrinter {
	if s.logFormat == "json" {
		return printFiguresAsJSON
	}
	return printFigures
}

// logHandler writes what happens.
func (s *settings) logHandler(w io.Writer) slog.Handler {
	o := &slog.HandlerOptions{Level: s.logLevel}
	if s.logFormat == "json" {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}
