package webrtc

import (
	"strings"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/whep"
)

// Restart restarts ICE in a session (RFC 8445, section 9), for a viewer that does, as when its network has changed: both have user
// name fragments and passwords that are new, and those before prove nothing any more. The keys stay, and frames go on to where the
// viewer is until something authentic comes from another address that it has proved. r is the viewer's request: the address that it
// came to is the first candidate. The answer is a fragment, and etag the entity tag of the new ICE session. The error is a *cast.Refusal;
// ICE is as before then.
func (s *Server) Restart(id string, r cast.Request, f *whep.Fragment) (etag string, answer []byte, err error) {
	v := s.byID[id]
	if v == nil { // it has ended since Find
		return "", nil, &cast.Refusal{Kind: cast.NoSuchStream}
	}
	candidates := s.candidates(r.Local.Addr())
	if len(candidates) == 0 {
		return "", nil, noCandidate(r.Local.Addr())
	}
	delete(s.byUfrag, v.ufrag)
	v.nameICE()
	v.peerUfrag = strings.Clone(f.Ufrag)
	return v.etag, f.AnswerRestart(v.ufrag, string(v.password), candidates), nil
}

// nameICE gives the viewer's ICE session a user name fragment, by which it is found, and a password, which nobody can guess, and an
// entity tag.
func (v *viewer) nameICE() {
	s := v.server
	v.etag, v.ufrag, v.password = s.broadcaster.RandomName(), s.broadcaster.RandomName(), []byte(s.broadcaster.RandomName())
	s.byUfrag[v.ufrag] = v
}
