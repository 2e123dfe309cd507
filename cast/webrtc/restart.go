package webrtc

import (
	"strings"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/whep"
)

// Restart restarts ICE in a session (RFC 8445, section 9), for a viewer that does, as when its network has changed: both have user
// name fragments and passwords that are new, and those before prove nothing any more. The keys stay, and frames go on to where the
// viewer is until something authentic comes from another address that it has proved. r is the viewer's request: the address that it
// came to is the first candidate. The answer is a fragment, and tag stands for the new ICE session. The error is a *cast.Refusal;
// ICE is as before then.
func (s *Server) Restart(name string, r cast.Request, f *whep.Fragment) (tag string, answer []byte, err error) {
	v := s.byName[name]
	if v == nil { // it has ended since Find
		return "", nil, &cast.Refusal{Kind: cast.NoSuchStream}
	}
	candidates := s.candidates(r.Local.Addr())
	if len(candidates) == 0 {
		return "", nil, errNoCandidate
	}
	delete(s.byFragment, v.ufrag)
	v.identify()
	v.theirs = strings.Clone(f.Ufrag)
	return v.tag, f.AnswerRestart(v.ufrag, string(v.password), candidates), nil
}

// identify gives the viewer a user name fragment and a password for STUN, by which it is found, and a tag for its ICE session.
func (v *viewer) identify() {
	s := v.server
	v.tag, v.ufrag, v.password = s.broadcaster.RandomName(), s.broadcaster.RandomName(), []byte(s.broadcaster.RandomName())
	s.byFragment[v.ufrag] = v
}
