package http

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/camcast/camcast/cast"
)

const (
	// MaxTokenTime is how long a token may be valid.
	MaxTokenTime = 24 * time.Hour
	// MaxTokenStreams is how many streams a token may be for.
	MaxTokenStreams = 32
)

// tokens makes and reads tokens: what stands for a user's password in a header or a URL, for some streams and
// some time. A token is signed, and nothing is kept of it. The gate decides about it as about a password: it ends with
// the user, when the password changes, and when the program ends. All of it may be used by any goroutine.
type tokens struct {
	key [32]byte
	// boot is in every token, so that those of an earlier run are not taken for attempts to guess.
	boot [8]byte
}

// token is one that came with a request. Whether it is right shows only with the user's secret.
type token struct {
	foreign bool // it is of another run, or none at all
	user    string
	streams []string
	until   time.Duration // on the loop's clock
	signed  []byte
	mac     []byte
}

// newTokens has a key, which the servers of one Broadcaster share, and what tells its runs apart.
func newTokens(key, run [32]byte) *tokens { return &tokens{key: key, boot: [8]byte(run[:8])} }

// tokenMAC is how many bytes of MAC a token ends with.
const tokenMAC = 16

// seal makes something of a user's secret by which tokens depend on it.
func (t *tokens) seal(s cast.Secret) (sealed [32]byte) {
	mac := hmac.New(sha256.New, t.key[:])
	mac.Write([]byte("secret"))
	mac.Write(s.HA1SHA256[:])
	mac.Write(s.JoinKey[:])
	return [32]byte(mac.Sum(sealed[:0]))
}

// sign is the MAC of a token.
func (t *tokens) sign(signed []byte, secret [32]byte) []byte {
	mac := hmac.New(sha256.New, t.key[:])
	mac.Write([]byte("token"))
	mac.Write(secret[:])
	mac.Write(signed)
	return mac.Sum(nil)[:tokenMAC]
}

// issue makes a token.
func (t *tokens) issue(user string, streams []string, until time.Duration, secret [32]byte) string {
	signed := append([]byte(nil), t.boot[:]...)
	signed = binary.BigEndian.AppendUint64(signed, uint64(until))
	signed = append(append(append(signed, user...), '\n'), strings.Join(streams, ",")...)
	return base64.RawURLEncoding.EncodeToString(append(signed, t.sign(signed, secret)...))
}

// parse reads a token.
func (t *tokens) parse(text string) *token {
	const head = 16
	p, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(p) < head+tokenMAC || [8]byte(p[:8]) != t.boot {
		return &token{foreign: true}
	}
	signed := p[:len(p)-tokenMAC]
	user, streams, _ := strings.Cut(string(signed[head:]), "\n")
	return &token{
		user: user, streams: strings.Split(streams, ","), until: time.Duration(binary.BigEndian.Uint64(signed[8:])),
		signed: signed, mac: p[len(signed):],
	}
}

// isOf reports whether a token is of a user with that secret.
func (t *tokens) isOf(one *token, secret [32]byte) bool {
	return hmac.Equal(t.sign(one.signed, secret), one.mac)
}

// isFor reports whether a token may be used for something.
func (one *token) isFor(stream string, a cast.Action) bool {
	return a == cast.Identify || (a == cast.Watch || a == cast.Describe) && slices.Contains(one.streams, stream)
}

// narrow is what of a user's grant a token gives.
func (one *token) narrow(g cast.Grant) cast.Grant {
	ofUser := g.MayWatch
	g.Admin = false
	g.MayWatch = func(stream string) bool {
		return slices.Contains(one.streams, stream) && (ofUser == nil || ofUser(stream))
	}
	return g
}

// The errors of a token that cannot be had.
var (
	errTokenTime    = errors.New("a token is valid for more than 0 s and at most 24 h")
	errTokenStreams = errors.New("a token is for 1 to 32 streams")
	errTokenUser    = &cast.Refusal{Kind: cast.Forbidden, Reason: "a token is for who has given a password, and there was none to check"}
)

// issueToken makes a token for who makes a request, if all the streams may be watched, and returns the user's name
// and when it ends, too. answered is false if the client has gone. The error is errTokenTime, errTokenStreams or what
// refuse answers. A token cannot be had for a token.
func (s *Server) issueToken(r *http.Request, streams []string, lifetime time.Duration) (text, user string, until time.Time, answered bool, err error) {
	switch {
	case lifetime <= 0 || lifetime > MaxTokenTime:
		return "", "", until, true, errTokenTime
	case len(streams) == 0 || len(streams) > MaxTokenStreams:
		return "", "", until, true, errTokenStreams
	}
	for _, name := range streams {
		if answered = s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
			return s.admit(r, name, cast.Watch, func(_ *cast.Stream, g cast.Grant, fault error) {
				defer done()
				user, err = g.User, fault
				text = ""
				proved := claimOf(r).proved.Load()
				switch {
				case err != nil:
				case proved == nil:
					err = errTokenUser
				default:
					text = s.tokens.issue(claimOf(r).User(), streams, s.loop.Now()+lifetime, *proved)
					until = s.loop.Kernel().Wall().Add(lifetime)
				}
			})
		}); !answered || err != nil {
			return "", "", until, answered, err
		}
	}
	return text, user, until, true, nil
}
