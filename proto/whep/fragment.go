package whep

import (
	"bytes"
	"errors"
)

// MaxFragmentBytes is the size of the largest fragment that is read.
const MaxFragmentBytes = 16 << 10

// ParseFragment reads what a peer says later of ICE (application/trickle-ice-sdpfrag, RFC 8840): its user name fragment, which
// is another one than the offer's if the peer wants to begin ICE again. It is "" if the fragment does not say it. The
// candidates in it are nothing to an ICE lite agent.
func ParseFragment(text []byte) (ufrag string, err error) {
	if len(text) > MaxFragmentBytes {
		return "", errors.New("the fragment is too large")
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return "", errors.New("the fragment is no SDP that can be read")
		}
		if value, ok := bytes.CutPrefix(line, []byte("a=ice-ufrag:")); ok {
			if ufrag != "" && ufrag != string(value) {
				return "", errors.New("the fragment has two user names")
			}
			ufrag = string(value)
		}
	}
	return ufrag, nil
}
