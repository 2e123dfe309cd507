package exec

import (
	"bytes"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/camcast/camcast/proto/uri"
)

const (
	// burstLines may be logged at once, and then a line each lineInterval.
	burstLines   = 10
	lineInterval = time.Second
	// mostLineBytes are kept of a line.
	mostLineBytes = 300
)

// lines logs what a command writes to stderr, at a limited rate.
type lines struct {
	log     *slog.Logger
	line    []byte // the one in hand
	isCut   bool   // it is longer
	last    []byte // the last whole one, as it was written
	tokens  int
	filled  time.Duration // when tokens were added
	skipped uint64        // since the last one that was logged
}

// take takes what was written at a time. A carriage return ends a line, too: so programs show progress.
func (l *lines) take(data []byte, now time.Duration) {
	for len(data) > 0 {
		n := bytes.IndexAny(data, "\r\n")
		if n < 0 {
			l.add(data)
			return
		}
		l.add(data[:n])
		data = data[n+1:]
		l.end(now)
	}
}

func (l *lines) add(data []byte) {
	l.isCut = l.isCut || len(data) > mostLineBytes-len(l.line)
	l.line = append(l.line, data[:min(len(data), mostLineBytes-len(l.line))]...)
}

// end ends the line in hand.
func (l *lines) end(now time.Duration) {
	line := bytes.TrimSpace(l.line)
	if l.isCut {
		line = withoutCutURL(line)
	}
	l.line, l.isCut = l.line[:0], false
	if len(line) == 0 {
		return
	}
	l.last = append(l.last[:0], line...)
	if n := int((now - l.filled) / lineInterval); n > 0 {
		l.tokens, l.filled = min(l.tokens+n, burstLines), now
	}
	if l.tokens == 0 {
		l.skipped++
		return
	}
	l.tokens--
	text := shown(line)
	if l.skipped > 0 {
		l.log.Info("command says", "line", text, "lines_skipped", l.skipped)
	} else {
		l.log.Info("command says", "line", text)
	}
	l.skipped = 0
}

// withoutCutURL leaves out what a line that was cut off has of a URL at its end: it may be a part of a password.
func withoutCutURL(line []byte) []byte {
	const begin = "://"
	if i := bytes.LastIndex(line, []byte(begin)); i >= 0 && !bytes.ContainsFunc(line[i:], unicode.IsSpace) {
		return line[:i+len(begin)]
	}
	return line
}

// shown is a line to be shown, without the passwords of URLs: programs complain of those in the command.
func shown(line []byte) string { return uri.RedactIn(strings.ToValidUTF8(string(line), "?")) }
