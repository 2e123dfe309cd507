package auth

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
)

// Gate is a cast.Gate that admits Users who prove their passwords. No stream is public. Its methods
// belong to the loop's goroutine.
//
// A request without credentials, or with wrong ones, is refused as cast.Unauthorized, and one for a
// stream that is not the user's as cast.Forbidden. An unknown user costs the same time as a wrong
// password. An address, or a /64 of IPv6, whose credentials were wrong FailureBurst times has further
// ones checked once every FailureInterval; in between they are refused as cast.Busy, with the time to
// wait, whether they are right or not. Only users who may watch all streams may list them, or learn
// that there is none of a name. Requests without credentials, other addresses and sessions that
// are open are not concerned.
type Gate struct {
	loop     *loop.Loop
	users    *Users
	failures failures
	// nobody is what the credentials of unknown users are compared with.
	nobody cast.Secret
}

// NewGate makes a Gate for Broadcasters on l.
func NewGate(l *loop.Loop, users *Users) *Gate {
	g := &Gate{loop: l, users: users, failures: newFailures()}
	for _, part := range [][]byte{g.nobody.HA1MD5[:], g.nobody.HA1SHA256[:], g.nobody.JoinKey[:]} {
		_, _ = rand.Read(part) // never fails, says its doc
	}
	return g
}

// Users are those that the Gate admits at present.
func (g *Gate) Users() *Users { return g.users }

// Admit answers at once.
func (g *Gate) Admit(r cast.Request, answer func(cast.Grant, error)) {
	answer(g.decide(r))
}

// decide says who it is, or why not.
func (g *Gate) decide(r cast.Request) (cast.Grant, error) {
	if r.Credentials == nil {
		return cast.Grant{}, noPassword
	}
	now := g.loop.Now()
	if wait := g.failures.wait(r.Peer.Addr(), now); wait > 0 {
		return cast.Grant{}, &cast.Refusal{Kind: cast.Busy, Reason: "too many wrong passwords from this address", RetryAfter: inWholeSeconds(wait)}
	}
	user, known := g.users.Find(r.User())
	secret := &user.Secret
	if !known {
		secret = &g.nobody
	}
	right := r.Verify(*secret) // of nobody, too
	if !right || !known {
		g.failures.add(r.Peer.Addr(), now)
		return cast.Grant{}, wrongPassword
	}
	if r.Action != cast.Identify && !user.MayWatch(r.Stream) {
		return cast.Grant{}, notYours
	}
	return cast.Grant{User: user.Name, Admin: user.Role == Admin, MayWatch: user.MayWatch, Valid: func() bool {
		if r.Action == cast.Identify {
			return unchanged(user, g.users)
		}
		return withdrawn(user, g.users, r.Stream) == ""
	}}, nil
}

// unchanged reports whether a user is still there, with the same password, role and streams.
func unchanged(old User, users *Users) bool {
	u, known := users.Find(old.Name)
	return known && u.Secret == old.Secret && u.Role == old.Role && slices.Equal(u.Streams, old.Streams)
}

// The refusals are made once: a stranger can have thousands a second.
var (
	noPassword    = &cast.Refusal{Kind: cast.Unauthorized, Reason: "a password is needed"}
	wrongPassword = &cast.Refusal{Kind: cast.Unauthorized, Reason: "wrong user or password"}
	notYours      = &cast.Refusal{Kind: cast.Forbidden, Reason: "not one of your streams"}
)

// inWholeSeconds rounds up, as protocols have seconds.
func inWholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// Reload replaces the users of the Gate. It ends the sessions in b of users who are removed, have
// another password, or may no longer watch what they watch; the other sessions go on. A request of such
// a user that was granted and has no session yet is refused after all. Reload returns how many sessions
// it has ended.
func (g *Gate) Reload(b *cast.Broadcaster, users *Users) (ended int) {
	before := g.users
	g.users = users
	for s := range b.Sessions() {
		old, known := before.Find(s.User())
		if !known { // another gate has admitted it, or nobody
			continue
		}
		if why := withdrawn(old, users, s.Stream().Name()); why != "" {
			s.End(why)
			ended++
		}
	}
	return ended
}

// withdrawn says why what a user was granted does not hold any more, "" if it does.
func withdrawn(old User, users *Users, stream string) string {
	switch u, known := users.Find(old.Name); {
	case !known:
		return "user removed"
	case u.Secret != old.Secret:
		return "password changed"
	case !u.MayWatch(stream):
		return "no longer allowed to watch"
	}
	return ""
}

// UnknownStreams are the names of streams that users may watch and b does not have: perhaps they are
// written wrong.
func (all *Users) UnknownStreams(b *cast.Broadcaster) (names []string) {
	seen := map[string]bool{}
	for _, u := range all.list {
		for _, name := range u.Streams {
			if !seen[name] && b.Stream(name) == nil {
				names = append(names, name)
			}
			seen[name] = true
		}
	}
	return names
}
