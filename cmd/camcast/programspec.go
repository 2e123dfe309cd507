package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/exec"
	"github.com/camcast/camcast/capture/pipe"
)

// These are the sources whose frames another program writes: exec[?OPTIONS]:COMMAND, "-" and FIFOs.

// isExec reports whether a source is a command. A file of such a name is written with "./" before it.
func isExec(source string) bool {
	return strings.HasPrefix(source, "exec:") || strings.HasPrefix(source, "exec?")
}

// parseExec understands exec[?OPTIONS]:COMMAND. Its errors do not have the command, which may have a
// password.
func (spec *sourceSpec) parseExec(source string) error {
	head, command, found := strings.Cut(source, ":")
	_, query, _ := strings.Cut(head, "?")
	spec.kind, spec.path = execSource, command
	err := spec.parseOptions(query)
	if err == nil && !found {
		err = fmt.Errorf("there is no command behind the options; write 'exec?OPTIONS:COMMAND'")
	}
	if err == nil {
		_, err = exec.New(spec.exec())
	}
	if err == nil {
		err = spec.checkEncoding()
	}
	if err != nil {
		return fmt.Errorf("source %q: %w", head+":...", err)
	}
	return nil
}

// exec is the spec as a command's options.
func (spec *sourceSpec) exec() exec.Options {
	return exec.Options{Command: spec.path, Format: spec.format, FramesPerSecond: spec.fps, Timeout: spec.timeout}
}

// pipe is the spec as a pipe's options.
func (spec *sourceSpec) pipe() pipe.Options {
	o := pipe.Options{Path: spec.path, Format: spec.format, FramesPerSecond: spec.fps}
	if spec.isStdin() {
		o.Path = ""
	}
	return o
}

// isStdin reports whether the source is stdin.
func (spec *sourceSpec) isStdin() bool { return spec.kind == pipeSource && spec.path == "-" }

// isProgram reports whether another program writes the frames, and may take long to begin.
func (spec *sourceSpec) isProgram() bool { return spec.kind == execSource || spec.kind == pipeSource }

// formats are what can be asked of a source.
func (spec *sourceSpec) formats() []string {
	if spec.isProgram() {
		return pipe.Formats
	}
	return cameraFormats
}

// isFIFO reports whether a path is a pipe's.
func isFIFO(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

// parseTimeout understands seconds.
func parseTimeout(value string) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(value, 64)
	if least, most := exec.MinTimeout.Seconds(), exec.MaxTimeout.Seconds(); err != nil || !(seconds >= least && seconds <= most) {
		return 0, fmt.Errorf("timeout=%s: must be %v to %v seconds", value, least, most)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// newProgramSource makes such a source.
func (d *service) newProgramSource(spec sourceSpec) (capture.Source, error) {
	log, most := d.log.With("stream", spec.name), d.settings.config.MaxFrame
	if spec.kind == execSource {
		o := spec.exec()
		o.MaxFrame, o.Log = most, log
		return nilIfFailed(exec.New(o))
	}
	o := spec.pipe()
	o.MaxFrame, o.Log = most, log
	return nilIfFailed(pipe.New(o))
}
