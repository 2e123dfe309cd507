package whep

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/pion/sdp/v3"
)

// MaxFragmentBytes is the size of the largest fragment that is read.
const MaxFragmentBytes = 16 << 10

// Fragment is what a viewer says later of ICE (application/trickle-ice-sdpfrag, RFC 8840). The candidates in it are nothing to an
// ICE lite agent.
type Fragment struct {
	// Ufrag and Password are the viewer's user name fragment and password, which are others than before if it restarts ICE; ""
	// where the fragment does not say them. Ufrag may be kept without the text.
	Ufrag, Password string

	// first is the first line of a media section without its name, and mid that section's name, as the answer to a restart has
	// them. They are "" where the fragment has none.
	first, mid string
}

// ParseFragment reads a fragment. The error says what is wrong with it.
func ParseFragment(text []byte) (*Fragment, error) {
	if len(text) > MaxFragmentBytes {
		return nil, fmt.Errorf("the fragment has %d bytes: must be at most %d", len(text), MaxFragmentBytes)
	}
	if err := checkLines(text); err != nil {
		return nil, fmt.Errorf("the fragment is no SDP: %w", err)
	}
	f := &Fragment{}
	for line := range bytes.Lines(text) {
		if err := f.read(string(bytes.TrimRight(line, "\r\n"))); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// read reads a line. Of several media sections the first one counts.
func (f *Fragment) read(line string) error {
	name, value, _ := strings.Cut(line, ":")
	first, isMedia := strings.CutPrefix(line, "m=")
	switch {
	case name == "a=ice-ufrag":
		return once(&f.Ufrag, value, name)
	case name == "a=ice-pwd":
		return once(&f.Password, value, name)
	case name == "a=mid" && f.mid == "":
		f.mid = value
		return repeatable(f.mid)
	case isMedia && f.first == "":
		words := strings.Fields(first)
		f.first = strings.Join(words, " ")
		return repeatable(words...)
	}
	return nil
}

// once notes a value that a fragment may have several times, if it is the same.
func once(to *string, value, name string) error {
	if *to != "" && *to != value {
		return fmt.Errorf("the fragment has two values of %s: must be one", strings.TrimPrefix(name, "a="))
	}
	*to = value
	return nil
}

// repeatable says why an answer cannot repeat words of a media section, nil if it can.
func repeatable(words ...string) error {
	for _, word := range words {
		if !isToken(strings.ReplaceAll(word, "/", "")) {
			return errors.New("the fragment has a media section that cannot be read")
		}
	}
	return nil
}

// The least and the greatest sizes of user name fragments and passwords (RFC 8839, section 5.4).
const minUfrag, minPassword, maxICE = 4, 22, 256

// CheckRestart says why the viewer cannot restart ICE by the fragment, nil if it can.
func (f *Fragment) CheckRestart() error {
	if len(f.Ufrag) < minUfrag || len(f.Ufrag) > maxICE || len(f.Password) < minPassword || len(f.Password) > maxICE {
		return errors.New("a restart of ICE needs ice-ufrag with 4 to 256 characters, and ice-pwd with 22 to 256")
	}
	return nil
}

// AnswerRestart is the answer to a restart of ICE: what an Answer says of ICE (draft-ietf-wish-whep, section 4.3.3). The user name
// fragment and the password are new; there must be at least one candidate.
func (f *Fragment) AnswerRestart(ufrag, password string, at []netip.AddrPort) []byte {
	var b bytes.Buffer
	line := func(format string, values ...any) { fmt.Fprintf(&b, format+"\r\n", values...) }
	line("a=ice-lite")
	line("a=ice-options:%s", iceOptions)
	if f.first != "" {
		if f.mid != "" {
			line("a=%s:BUNDLE %s", sdp.AttrKeyGroup, f.mid)
		}
		line("m=%s", f.first)
	}
	if f.mid != "" {
		line("a=%s:%s", sdp.AttrKeyMID, f.mid)
	}
	line("a=ice-ufrag:%s", ufrag)
	line("a=ice-pwd:%s", password)
	for _, one := range candidates(at) {
		line("%s", strings.TrimSuffix("a="+one.Key+":"+one.Value, ":"))
	}
	return b.Bytes()
}
