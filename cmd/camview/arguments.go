package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/camcast/camcast/cmd/commandline"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/uri"
	"github.com/spf13/pflag"
)

// settings is what the command line asks for.
type settings struct {
	address   address
	key       join.Key // of the password of camcast://, once deriveKey has derived it
	transport transport
	buffer    time.Duration
	rewind    time.Duration
	output    outputKind
	file      string // of the output, if it is one
	duration  time.Duration
	frames    int
	readers   int
	stats     bool
	json      bool
	trust     trust
	basic     bool // passwords may be sent in clear text, whatever the way
}

// transport is how RTP is to come: by UDP, by TCP, or by TCP if UDP brings nothing.
type transport uint8

const (
	anyTransport transport = iota
	onlyUDP
	onlyTCP
)

// outputKind is where pictures go.
type outputKind uint8

const (
	toTerminal outputKind = iota // or nowhere, if there is none
	toStdout
	toClip  // pictures, one after the other
	toMovie // the same with their times, as MP4
	toPhoto // one JPEG
)

const (
	maxReaders = 10000
	maxBuffer  = 10 * time.Second
	maxRewind  = 10 * time.Minute
)

// rawFlags are the flags' values as they were given.
type rawFlags struct {
	transport        string
	buffer           int
	rewind, duration time.Duration
	output           string
	frames, readers  int
	stats, json      bool
	trust            trust
	basic            bool
}

// newProgram defines all flags, in the groups they are explained in.
func newProgram(raw *rawFlags) *commandline.Program {
	p := &commandline.Program{Name: "camview", Head: helpHead, Tail: helpTail}
	p.Groups = []commandline.Group{
		commandline.NewGroup("Receiving", func(f *pflag.FlagSet) {
			f.StringVar(&raw.transport, "transport", "", "what an RTSP server sends by, `udp|tcp` (default: UDP, and TCP if nothing comes)")
			f.IntVar(&raw.buffer, "buffer", 50, "hold pictures for `MS` milliseconds, to wait for packets that come late or out of order")
			f.DurationVar(&raw.rewind, "rewind", 0, "keep the pictures of the last `TIME`, such as 30s, for the arrow keys")
		}),
		commandline.NewGroup("TLS, with rtsps://", raw.trust.define),
		commandline.NewGroup("Passwords", func(f *pflag.FlagSet) {
			f.BoolVar(&raw.basic, "allow-basic", false, "send the password in clear text (Basic) to an RTSP server that takes it in no other way, even without TLS or with --insecure")
		}),
		commandline.NewGroup("Output", func(f *pflag.FlagSet) {
			f.StringVarP(&raw.output, "output", "o", "", "write pictures to `FILE`: all of them to an .mp4, or to a .mjpeg, .h264 or .h265, as the stream is, the first one to a .jpg, all of them to standard output with -")
			f.IntVar(&raw.readers, "readers", 1, "be `N` readers at once, for load tests; nothing is shown")
		}),
		commandline.NewGroup("End", func(f *pflag.FlagSet) {
			f.DurationVar(&raw.duration, "duration", 0, "end after `TIME`, such as 10s")
			f.IntVar(&raw.frames, "frames", 0, "end when each reader has `N` pictures")
		}),
		commandline.NewGroup("Figures and help", func(f *pflag.FlagSet) {
			f.BoolVar(&raw.stats, "stats", false, "print a line of figures on stderr every second")
			f.BoolVar(&raw.json, "json", false, "show nothing, and print the figures at the end as a JSON object on stdout (on stderr with -o -); print a list of streams as a JSON array")
			p.AddHelp(f)
		}),
	}
	return p
}

// parseArguments understands the command line or says what is wrong with it.
func parseArguments(args []string) (*settings, error) {
	var raw rawFlags
	p := newProgram(&raw)
	urls, err := p.Parse(args)
	switch {
	case err != nil:
		return nil, err
	case len(urls) == 0:
		return nil, errors.New("no URL: say what to watch, such as rtsp://HOST:8554/cam")
	case len(urls) > 1:
		return nil, fmt.Errorf("%q: one URL at a time", uri.Redact(urls[1]))
	}
	return raw.settings(urls[0], p.Changed)
}

func (raw *rawFlags) settings(url string, changed func(flag string) bool) (*settings, error) {
	s := &settings{
		buffer: time.Duration(raw.buffer) * time.Millisecond, rewind: raw.rewind, duration: raw.duration,
		frames: raw.frames, readers: raw.readers, stats: raw.stats, json: raw.json, trust: raw.trust, basic: raw.basic,
	}
	var err error
	if s.address, err = parseAddress(url); err != nil {
		return nil, err
	}
	if err := s.trust.check(s.address.scheme); err != nil {
		return nil, err
	}
	if s.transport, err = parseTransport(raw.transport); err != nil {
		return nil, err
	}
	if s.output, s.file, err = parseOutput(raw.output); err != nil {
		return nil, err
	}
	if err := raw.checkRanges(changed); err != nil {
		return nil, err
	}
	return s, s.checkCombination()
}

func parseTransport(text string) (transport, error) {
	switch text {
	case "":
		return anyTransport, nil
	case "udp":
		return onlyUDP, nil
	case "tcp":
		return onlyTCP, nil
	}
	return 0, fmt.Errorf("--transport %q: must be udp or tcp", text)
}

func parseOutput(text string) (kind outputKind, file string, err error) {
	end := strings.ToLower(filepath.Ext(text))
	switch {
	case fileFormats[end] != 0:
		return toClip, text, nil
	case end == ".mp4":
		return toMovie, text, nil
	case end == ".jpg" || end == ".jpeg":
		return toPhoto, text, nil
	}
	switch text {
	case "":
		return toTerminal, "", nil
	case "-":
		return toStdout, "", nil
	}
	return 0, "", fmt.Errorf("-o %q: must be -, or a file that ends in .mp4, .mjpeg, .jpg, .h264 or .h265", text)
}

// checkRanges judges the numbers. given reports which flags were typed: a zero
// that was typed is not the default.
func (raw *rawFlags) checkRanges(given func(string) bool) error {
	switch {
	case raw.buffer < 0 || raw.buffer > int(maxBuffer/time.Millisecond):
		return fmt.Errorf("--buffer %d: must be 0 to %d", raw.buffer, maxBuffer/time.Millisecond)
	case raw.rewind < 0 || raw.rewind > maxRewind:
		return fmt.Errorf("--rewind %v: must be 0s to %v", raw.rewind, maxRewind)
	case given("duration") && raw.duration <= 0:
		return fmt.Errorf("--duration %v: must be more than 0s", raw.duration)
	case given("frames") && raw.frames < 1:
		return fmt.Errorf("--frames %d: must be at least 1", raw.frames)
	case raw.readers < 1 || raw.readers > maxReaders:
		return fmt.Errorf("--readers %d: must be 1 to %d", raw.readers, maxReaders)
	}
	return nil
}

func (s *settings) checkCombination() error {
	switch {
	case s.readers > 1 && s.output != toTerminal:
		return fmt.Errorf("-o and --readers %d: only a single reader's pictures can be written", s.readers)
	case s.rewind > 0 && (s.readers > 1 || s.output != toTerminal || s.json):
		return errors.New("--rewind is for the terminal: leave out -o, --readers and --json")
	case s.address.scheme == rtspsScheme && s.transport == onlyUDP:
		return errors.New("--transport udp: pictures would not be encrypted; rtsps:// brings them by TCP")
	case s.address.scheme == joinScheme && s.basic:
		return errors.New("--allow-basic: camcast:// never sends a password in clear text")
	case s.address.scheme == joinScheme && s.transport == onlyTCP:
		return errors.New("--transport tcp: camcast:// is UDP; use the rtsp:// address")
	case s.address.isList():
		return s.checkList()
	}
	return nil
}

// checkList refuses what is for watching where streams are only listed.
func (s *settings) checkList() error {
	for flag, given := range map[string]bool{
		"--readers": s.readers > 1, "-o": s.output != toTerminal, "--duration": s.duration > 0,
		"--frames": s.frames > 0, "--stats": s.stats, "--rewind": s.rewind > 0,
	} {
		if given {
			return fmt.Errorf("%s: the URL names no stream to watch, only a server, whose streams are listed", flag)
		}
	}
	return nil
}

// deriveKey derives the key of a password, which takes some 50 ms: it is done before the loop turns.
func (s *settings) deriveKey() (err error) {
	if s.address.user != "" {
		s.key, err = join.NewKey(s.address.user, s.address.password)
	}
	return err
}

// summed reports whether the figures are to be told to a person at the end.
func (s *settings) summed() bool {
	return s.stats || s.readers > 1 || s.duration > 0 || s.frames > 0
}
