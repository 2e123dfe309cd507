package main

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/camcast/camcast/capture/pipe"
	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/capture/v4l2"
	"github.com/camcast/camcast/cast"
)

// sourceKind is what a SOURCE argument names.
type sourceKind int

const (
	deviceSource sourceKind = iota + 1
	testcardSource
	fileSource
	rtspSource
	execSource
	pipeSource
	streamSource // an earlier stream's pictures
)

// sourceSpec is a SOURCE argument, understood.
type sourceSpec struct {
	name   string
	kind   sourceKind
	path   string // of a device, file or FIFO, or "-" for stdin; a URL; a command; the name of a stream
	width  int    // 0: not given, as for the others
	height int
	fps    float64
	format string
	// quality is that of JPEG coding, 1 to 100.
	quality  int
	loop     bool
	timeout  time.Duration // of a command
	encoding encoding
	// controls are a camera's, in the order in which they are to be set.
	controls []v4l2.Setting
	rtsp     rtspSpec
}

// optionsOf are the options of each kind, after the last '?'.
var optionsOf = map[sourceKind][]string{
	deviceSource:   append([]string{"size", "fps", "format", "quality", "control.NAME"}, encodingOptions...),
	testcardSource: append([]string{"size", "fps", "quality"}, encodingOptions...),
	fileSource:     append([]string{"fps", "loop"}, encodingOptions...),
	streamSource:   append([]string{"size"}, encodingOptions...),
	rtspSource:     rtspOptions,
	execSource:     append([]string{"format", "fps", "timeout"}, encodingOptions...),
	pipeSource:     append([]string{"format", "fps"}, encodingOptions...),
}

// cameraFormats are what can be asked of a camera.
var cameraFormats = append([]string{"auto"}, v4l2.Formats()...)

// namePrefix is the NAME= of an argument. A path that begins like one is written
// with "./" before it.
var namePrefix = regexp.MustCompile(`^([^/?:=]*)=`)

// parseSources understands the arguments. Without any, the source is chosen later.
func parseSources(arguments []string) ([]sourceSpec, error) {
	var specs []sourceSpec
	var names []string
	for i, argument := range arguments {
		spec, err := parseSource(argument, names...)
		if err != nil {
			return nil, err
		}
		if spec.name == "" {
			spec.name = defaultName(i)
		}
		if spec.isStdin() && slices.ContainsFunc(specs, func(s sourceSpec) bool { return s.isStdin() }) {
			return nil, fmt.Errorf("source %q: stdin is a source already", argument)
		}
		if slices.ContainsFunc(specs, func(s sourceSpec) bool { return s.name == spec.name }) {
			return nil, fmt.Errorf("source %q: stream %s already exists; choose another name, as in NAME=SOURCE", shownSource(argument), spec.name)
		}
		specs, names = append(specs, spec), append(names, spec.name)
	}
	return specs, nil
}

// defaultName names the streams that were given no name: cam, cam2, cam3...
func defaultName(i int) string {
	if i == 0 {
		return "cam"
	}
	return "cam" + strconv.Itoa(i+1)
}

// parseSource understands an argument. earlier are the names of the streams before it, which it may name.
func parseSource(argument string, earlier ...string) (sourceSpec, error) {
	var spec sourceSpec
	rest := argument
	if m := namePrefix.FindStringSubmatch(rest); m != nil {
		if err := cast.CheckName(m[1]); err != nil {
			return spec, fmt.Errorf("source %q: %w", shownSource(argument), err)
		}
		spec.name, rest = m[1], rest[len(m[0]):]
	}
	if isRTSP(rest) {
		if err := spec.parseRTSP(rest); err != nil {
			return spec, fmt.Errorf("source %q: %w", shownSource(argument), err)
		}
		return spec, nil
	}
	if isExec(rest) {
		return spec, spec.parseExec(rest)
	}
	path, query := splitOptions(rest)
	spec.path = path
	switch {
	case slices.Contains(earlier, path):
		spec.kind = streamSource
	case path == "testcard:" || path == "testcard":
		spec.kind = testcardSource
	case path == "":
		return spec, fmt.Errorf("source %q: must be a device, a file, a command or a testcard", argument)
	case isURL(path):
		scheme, _, _ := strings.Cut(path, "://") // what follows may hold a password
		return spec, fmt.Errorf("source %q: such a URL cannot be a source; a program can read it: 'exec:curl -sN URL' (MJPEG) or 'exec:ffmpeg -i URL -c copy -f flv -'", scheme+"://...")
	case isMissingWord(path) && (query == "" || strings.Contains(query, "=")): // else the '?' may be of a file's name
		return spec, fmt.Errorf("source %q: there is no file, no earlier stream and no command named %s", argument, path)
	case strings.HasPrefix(path, "testcard:") && !exists(path):
		return spec, fmt.Errorf("source %q: the test card's options begin with one '?', as in 'testcard:?size=640x480&fps=30'", argument)
	case path == "-", isFIFO(path):
		spec.kind = pipeSource
	case isDevicePath(path):
		spec.kind = deviceSource
	default:
		spec.kind = fileSource
	}
	err := spec.parseOptions(query)
	if err != nil && spec.kind == fileSource {
		err = fmt.Errorf("%w; if the '?' is a part of the file's name, write '?' behind it, too: %q", err, rest+"?")
	}
	if err == nil && spec.kind == testcardSource {
		err = spec.testcard().Check()
	}
	if err == nil && spec.isStdin() {
		err = pipe.CheckStdin()
	}
	if err == nil {
		err = spec.checkEncoding()
	}
	if err != nil {
		return spec, fmt.Errorf("source %q: %w", argument, err)
	}
	return spec, nil
}

// splitOptions splits a source from its options. They begin at the last '?', unless there is a file
// of the whole name: a file's own name may have a '?'.
func splitOptions(source string) (path, query string) {
	at := strings.LastIndexByte(source, '?')
	if at < 0 {
		return source, ""
	}
	if exists(source) {
		return source, ""
	}
	return source[:at], source[at+1:]
}

// testcard is the spec as the test card's options.
func (spec *sourceSpec) testcard() testcard.Options {
	return testcard.Options{Width: spec.width, Height: spec.height, FramesPerSecond: spec.fps, Quality: spec.quality, Encode: encodeOptions(), Pixels: spec.encoding.isWished}
}

// isMissingWord reports whether a path is a mere word that names no file: more likely a command that is mistyped, or a
// stream that is not an earlier one.
func isMissingWord(path string) bool {
	return !strings.ContainsAny(path, "./") && cast.CheckName(path) == nil && path != "-" && !exists(path)
}

// exists reports whether there is something at a path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// isURL reports whether a path is a URL, such as rtsp://HOST/cam, rather than a file that is there.
func isURL(path string) bool {
	if exists(path) {
		return false
	}
	scheme, _, found := strings.Cut(path, "://")
	return found && scheme != "" && !strings.Contains(scheme, "/")
}

// isDevicePath tells cameras from files: by what is there, or, if nothing is, by
// where it should be.
func isDevicePath(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return strings.HasPrefix(path, "/dev/")
	}
	return info.Mode()&os.ModeDevice != 0
}

func (spec *sourceSpec) parseOptions(query string) (err error) {
	if spec.kind == deviceSource {
		if spec.controls, query, err = takeControls(query); err != nil {
			return err
		}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("options %q: %w", query, err)
	}
	for key, value := range values {
		if !slices.Contains(optionsOf[spec.kind], key) {
			return fmt.Errorf("option %q: unknown; this kind of source has %s", key, strings.Join(optionsOf[spec.kind], ", "))
		}
		if err := spec.setOption(key, value[len(value)-1]); err != nil {
			return err
		}
	}
	return nil
}

func (spec *sourceSpec) setOption(key, value string) (err error) {
	if spec.kind == rtspSource && !slices.Contains(encodingOptions, key) {
		return spec.rtsp.set(key, value)
	}
	switch key {
	case "size":
		spec.width, spec.height, err = parseSize(value)
	case "fps":
		spec.fps, err = strconv.ParseFloat(value, 64)
		if err != nil || !(spec.fps > 0 && spec.fps <= 1000) {
			err = fmt.Errorf("fps=%s: must be frames per second, more than 0 and at most 1000", value)
		}
	case "quality":
		spec.quality, err = strconv.Atoi(value)
		if err != nil || spec.quality < 1 || spec.quality > 100 {
			err = fmt.Errorf("quality=%s: must be 1 to 100", value)
		}
	case "format":
		spec.format = strings.ToLower(value)
		if formats := spec.formats(); !slices.Contains(formats, spec.format) {
			err = fmt.Errorf("format=%s: must be one of %s", value, strings.Join(formats, ", "))
		}
	case "timeout":
		spec.timeout, err = parseTimeout(value)
	case "encode", "bitrate", "keyframe":
		err = spec.encoding.set(key, value)
	case "loop":
		spec.loop, err = strconv.ParseBool(value)
		if err != nil {
			err = fmt.Errorf("loop=%s: must be 1 or 0", value)
		}
	}
	return err
}

func parseSize(value string) (width, height int, err error) {
	w, h, ok := strings.Cut(strings.ToLower(value), "x")
	if ok {
		width, err = strconv.Atoi(w)
	}
	if ok && err == nil {
		height, err = strconv.Atoi(h)
	}
	if !ok || err != nil || width < 1 || height < 1 || width > 65535 || height > 65535 {
		return 0, 0, fmt.Errorf("size=%s: must be WIDTHxHEIGHT in pixels, such as 1280x720", value)
	}
	return width, height, nil
}
