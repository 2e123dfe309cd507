package auth_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
)

// password is a user and a password, of a protocol that sends both. compared are the secrets that
// it was compared with.
type password struct {
	user, password string
	compared       *[]cast.Secret
}

func (p password) User() string { return p.user }

func (p password) Verify(s cast.Secret) bool {
	if p.compared != nil {
		*p.compared = append(*p.compared, s)
	}
	return s == secretOf(p.user, p.password)
}

// secretOf stands for cast.NewSecret, which takes long.
func secretOf(user, password string) (s cast.Secret) {
	copy(s.JoinKey[:], user+":"+password)
	return s
}

// user makes a user whose password is "right".
func user(name string, streams ...string) auth.User {
	return auth.User{Name: name, Role: auth.View, Streams: streams, Secret: secretOf(name, "right")}
}

func usersOf(t testing.TB, users ...auth.User) *auth.Users {
	t.Helper()
	all, err := auth.NewUsers(users...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// house is a broadcaster behind a gate, on a simulated kernel.
type house struct {
	t testing.TB
	l *loop.Loop
	b *cast.Broadcaster
	g *auth.Gate
}

// newHouse makes one with the streams cam and cam2.
func newHouse(t testing.TB, users ...auth.User) *house {
	t.Helper()
	h := &house{t: t, l: loop.NewOn(sim.New(1))}
	h.g = auth.NewGate(h.l, usersOf(t, users...))
	var err error
	if h.b, err = cast.New(h.l, cast.Config{Gate: h.g}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.b.Close() })
	for _, name := range []string{"cam", "cam2"} {
		params := &media.Params{Format: media.JPEG, Width: 640, Height: 480, FramesPerSecond: 10}
		if _, err := h.b.AddStream(name, nil, cast.StreamOptions{Params: params}); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// request is one to watch a stream.
func request(from, stream string, c cast.Credentials) cast.Request {
	peer := netip.AddrPortFrom(netip.MustParseAddr(from), 5000)
	return cast.Request{Protocol: cast.RTSP, Peer: peer, Stream: stream, Action: cast.Watch, Credentials: c}
}

// ask asks the gate.
func (h *house) ask(from, stream string, c cast.Credentials) (g cast.Grant, err error) {
	h.t.Helper()
	answers := 0
	h.g.Admit(request(from, stream, c), func(grant cast.Grant, e error) { g, err = grant, e; answers++ })
	if answers != 1 {
		h.t.Errorf("%d answers", answers)
	}
	return g, err
}

// kind is that of a refusal, 0 if there is none.
func kind(err error) cast.Kind {
	if err == nil {
		return 0
	}
	return cast.RefusalOf(err).Kind
}

// pass lets time pass.
func (h *house) pass(d time.Duration) {
	h.t.Helper()
	if err := sim.RunFor(h.l, d); err != nil {
		h.t.Fatal(err)
	}
}

const home = "192.0.2.1"

// TestGate has no stream be public, and each user watch what is the user's.
func TestGate(t *testing.T) {
	h := newHouse(t, user("me"), user("you", "cam"))
	for _, c := range []struct {
		stream string
		who    cast.Credentials
		want   cast.Kind
	}{
		{"cam", nil, cast.Unauthorized},
		{"cam", password{"me", "right", nil}, 0},
		{"cam2", password{"me", "right", nil}, 0},
		{"cam", password{"you", "right", nil}, 0},
		{"cam2", password{"you", "right", nil}, cast.Forbidden},
		{"cam2", password{"you", "wrong", nil}, cast.Unauthorized},
		{"cam", password{"me", "wrong", nil}, cast.Unauthorized},
		{"cam", password{"me", "", nil}, cast.Unauthorized},
		{"cam", password{"she", "right", nil}, cast.Unauthorized},
		{"cam", password{"", "", nil}, cast.Unauthorized},
	} {
		g, err := h.ask(home, c.stream, c.who)
		if kind(err) != c.want {
			t.Errorf("%v for %s: %v, want %v", c.who, c.stream, err, c.want)
		}
		want := ""
		if c.want == 0 {
			want = c.who.User()
		}
		if g.User != want {
			t.Errorf("%v for %s: user %q", c.who, c.stream, g.User)
		}
	}
}

// TestIdentify has users say who they are: each is told, whatever its streams, and the grant says what it may do.
func TestIdentify(t *testing.T) {
	boss := user("boss")
	boss.Role = auth.Admin
	h := newHouse(t, boss, user("you", "cam"))
	for name, admin := range map[string]bool{"boss": true, "you": false} {
		r := request(home, "", password{name, "right", nil})
		r.Action = cast.Identify
		var grant cast.Grant
		h.g.Admit(r, func(g cast.Grant, err error) {
			if grant = g; err != nil {
				t.Fatal(name, err)
			}
		})
		if grant.User != name || grant.Admin != admin || !grant.MayWatch("cam") || grant.MayWatch("cam2") != admin || !grant.Valid() {
			t.Errorf("%s: %+v", name, grant)
		}
	}
}

// TestListsAndUnknownStreams has users ask for the list, and for a stream that is not there: only one
// who may watch all is told.
func TestListsAndUnknownStreams(t *testing.T) {
	h := newHouse(t, user("me"), user("you", "cam"))
	for name, want := range map[string]cast.Kind{"me": 0, "you": cast.Forbidden} {
		for _, action := range []cast.Action{cast.List, cast.Describe, cast.Watch} {
			r := request(home, "", password{name, "right", nil})
			r.Action = action
			h.g.Admit(r, func(_ cast.Grant, err error) {
				if kind(err) != want {
					t.Errorf("%s, to %v: %v", name, action, err)
				}
			})
		}
	}
}

// TestUnknownUsersAreComparedToo has an unknown user cost what a wrong password does, and be
// refused even if the comparison says that it is right.
func TestUnknownUsersAreComparedToo(t *testing.T) {
	h := newHouse(t, user("me"))
	for _, name := range []string{"me", "she"} {
		var compared []cast.Secret
		_, err := h.ask(home, "cam", password{name, "wrong", &compared})
		if kind(err) != cast.Unauthorized || err.Error() != "wrong user or password" || len(compared) != 1 || compared[0] == (cast.Secret{}) {
			t.Errorf("%s: %v, after %d comparisons", name, err, len(compared))
		}
	}
	if _, err := h.ask(home, "cam", anything{}); kind(err) != cast.Unauthorized {
		t.Errorf("an unknown user is admitted: %v", err)
	}
}

// anything is credentials of an unknown user that fit every secret.
type anything struct{}

func (anything) User() string            { return "she" }
func (anything) Verify(cast.Secret) bool { return true }

// TestFailuresSlowAnAddressDown tries passwords from one address: most are refused unchecked, and
// nobody else is.
func TestFailuresSlowAnAddressDown(t *testing.T) {
	h := newHouse(t, user("me"))
	var compared []cast.Secret
	wrong, right := password{"me", "wrong", &compared}, password{"me", "right", nil}
	if _, err := h.ask(home, "cam", right); err != nil {
		t.Fatal(err)
	}
	const seconds, rate = 60, 1000
	for range seconds * 10 {
		for range rate / 10 {
			if _, err := h.ask(home, "cam", wrong); err == nil {
				t.Fatal("a wrong password is admitted")
			}
		}
		h.pass(time.Second / 10)
	}
	most := auth.FailureBurst + int(seconds*time.Second/auth.FailureInterval)
	if len(compared) < most-1 || len(compared) > most {
		t.Errorf("%d passwords were compared in %d s, want %d", len(compared), seconds, most)
	}
	if _, err := h.ask(home, "cam", wrong); kind(err) != cast.Unauthorized {
		t.Fatalf("the next interval has begun: %v", err)
	}
	_, err := h.ask(home, "cam", right)
	refusal := cast.RefusalOf(err)
	if refusal.Kind != cast.Busy || refusal.RetryAfter <= 0 || refusal.RetryAfter > auth.FailureInterval || refusal.RetryAfter%time.Second != 0 {
		t.Errorf("the right password of that address: %+v", refusal)
	}
	if _, err := h.ask(home, "cam", nil); kind(err) != cast.Unauthorized {
		t.Errorf("a first request of that address: %v", err)
	}
	for _, other := range []string{"192.0.2.2", "2001:db8::1"} {
		if _, err := h.ask(other, "cam", right); err != nil {
			t.Errorf("from %s: %v", other, err)
		}
	}
	h.pass(refusal.RetryAfter)
	if _, err := h.ask(home, "cam", right); err != nil {
		t.Errorf("after the time to wait: %v", err)
	}
}

// TestFailuresAreForgiven has somebody mistype now and then, for a day.
func TestFailuresAreForgiven(t *testing.T) {
	h := newHouse(t, user("me"))
	for range 24 * 60 {
		for range auth.FailureBurst {
			if _, err := h.ask(home, "cam", password{"me", "wrong", nil}); kind(err) != cast.Unauthorized {
				t.Fatal(err)
			}
		}
		h.pass(time.Minute)
	}
}

// TestNoPasswordIsNoFailure has players ask without credentials, as they do first.
func TestNoPasswordIsNoFailure(t *testing.T) {
	h := newHouse(t, user("me"), user("you", "cam"))
	for range 10 * auth.FailureBurst {
		if _, err := h.ask(home, "cam", nil); kind(err) != cast.Unauthorized {
			t.Fatal(err)
		}
		if _, err := h.ask(home, "cam2", password{"you", "right", nil}); kind(err) != cast.Forbidden {
			t.Fatal(err)
		}
	}
	if _, err := h.ask(home, "cam", password{"me", "right", nil}); err != nil {
		t.Error(err)
	}
}

// TestFailuresOfANetwork counts a /64 of IPv6 as one address.
func TestFailuresOfANetwork(t *testing.T) {
	h := newHouse(t, user("me"))
	for i := range auth.FailureBurst {
		if _, err := h.ask(fmt.Sprintf("2001:db8::%d", i+1), "cam", password{"me", "wrong", nil}); kind(err) != cast.Unauthorized {
			t.Fatal(err)
		}
	}
	for from, want := range map[string]cast.Kind{"2001:db8::ffff": cast.Busy, "2001:db8:0:1::1": 0} {
		if _, err := h.ask(from, "cam", password{"me", "right", nil}); kind(err) != want {
			t.Errorf("from %s: %v, want %v", from, err, want)
		}
	}
}

// TestFailuresAreBounded has wrong passwords come from many addresses: some are remembered,
// those that go on.
func TestFailuresAreBounded(t *testing.T) {
	h := newHouse(t, user("me"))
	for range auth.FailureBurst {
		_, _ = h.ask(home, "cam", password{"me", "wrong", nil})
	}
	if _, err := h.ask(home, "cam", password{"me", "right", nil}); kind(err) != cast.Busy {
		t.Fatal(err)
	}
	for i := range 2 * auth.MaxAddresses {
		_, _ = h.ask(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String(), "cam", password{"me", "wrong", nil})
	}
	if n := h.g.Failing(); n != auth.MaxAddresses {
		t.Errorf("%d addresses are remembered", n)
	}
	if _, err := h.ask(home, "cam", password{"me", "right", nil}); err != nil {
		t.Errorf("the oldest address is still remembered: %v", err)
	}
	// One that goes on is remembered.
	from := func(i int) string { return netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)}).String() }
	for i := range auth.MaxAddresses {
		for range auth.FailureBurst {
			_, _ = h.ask(home, "cam", password{"me", "wrong", nil})
		}
		_, _ = h.ask(from(i), "cam", password{"me", "wrong", nil})
	}
	if _, err := h.ask(home, "cam", password{"me", "right", nil}); kind(err) != cast.Busy {
		t.Errorf("an address that goes on is forgotten: %v", err)
	}
	h.pass(auth.FailureInterval)
	const more = 100 // each has two forgotten
	for i := range more {
		_, _ = h.ask(netip.AddrFrom4([4]byte{172, 16, 0, byte(i)}).String(), "cam", password{"me", "wrong", nil})
	}
	if n := h.g.Failing(); n != auth.MaxAddresses-more {
		t.Errorf("%d addresses are remembered when the failures of most are forgiven", n)
	}
}

// TestSlowGuessersAreRemembered has one address fail now and then, while many others do: it is
// counted to the end.
func TestSlowGuessersAreRemembered(t *testing.T) {
	h := newHouse(t, user("me"))
	others := 0
	for i := range auth.FailureBurst {
		if _, err := h.ask(home, "cam", password{"me", "wrong", nil}); kind(err) != cast.Unauthorized {
			t.Fatal(err)
		}
		if i < auth.FailureBurst-3 {
			continue
		}
		for range auth.MaxAddresses * 2 / 3 {
			others++
			_, _ = h.ask(netip.AddrFrom4([4]byte{10, byte(others >> 16), byte(others >> 8), byte(others)}).String(), "cam", password{"me", "wrong", nil})
		}
	}
	if _, err := h.ask(home, "cam", password{"me", "right", nil}); kind(err) != cast.Busy {
		t.Errorf("an address that goes on is forgotten: %v", err)
	}
}

// open opens the session of a user.
func (h *house) open(from, stream string, c cast.Credentials) (*cast.Session, *string) {
	h.t.Helper()
	var s *cast.Session
	reason := new(string)
	r := request(from, stream, c)
	h.b.Admit(r, func(g cast.Grant, err error) {
		if err == nil {
			s, err = h.b.OpenSession(cast.SessionOptions{
				Stream: h.b.Stream(stream), Protocol: r.Protocol, Peer: r.Peer, Grant: g, Ended: func(why string) { *reason = why },
			})
		}
		if err != nil {
			h.t.Error(err)
		}
	})
	if err := sim.RunUntil(h.l, func() bool { return s != nil }, time.Second); err != nil {
		h.t.Fatalf("%v has no session: %v", c, err)
	}
	return s, reason
}

// TestReload gives the gate other users: the sessions of those who may go on do.
func TestReload(t *testing.T) {
	h := newHouse(t, user("removed"), user("changed"), user("narrowed"), user("widened", "cam"), user("promoted"), user("same"))
	reasons := map[string]*string{}
	for _, name := range []string{"removed", "changed", "narrowed", "widened", "promoted", "same"} {
		_, reasons[name] = h.open(home, "cam", password{name, "right", nil})
	}
	_, reasons["narrowed, in cam2"] = h.open(home, "cam2", password{"narrowed", "right", nil})
	stranger, err := h.b.OpenSession(cast.SessionOptions{Stream: h.b.Stream("cam"), Protocol: cast.RTSP, Peer: netip.MustParseAddrPort("192.0.2.9:1"),
		Grant: cast.Grant{User: "of another gate"}})
	if err != nil {
		t.Fatal(err)
	}
	changed, promoted := user("changed"), user("promoted")
	changed.Secret = secretOf("changed", "new")
	promoted.Role = auth.Admin
	ended := h.g.Reload(h.b, usersOf(t, changed, user("narrowed", "cam2"), user("widened"), promoted, user("same"), user("new")))
	want := map[string]string{"removed": "user removed", "changed": "password changed", "narrowed": "no longer allowed to watch"}
	for name, reason := range reasons {
		if *reason != want[name] {
			t.Errorf("%s: ended as %q, want %q", name, *reason, want[name])
		}
	}
	if ended != len(want) {
		t.Errorf("%d sessions were ended", ended)
	}
	if left := slices.Collect(h.b.Sessions()); len(left) != 5 || !slices.Contains(left, stranger) {
		t.Errorf("%d sessions are left", len(left))
	}
	for who, kinds := range map[password][2]cast.Kind{
		{"removed", "right", nil}: {cast.Unauthorized, cast.Unauthorized}, {"changed", "right", nil}: {cast.Unauthorized, cast.Unauthorized},
		{"changed", "new", nil}: {0, 0}, {"narrowed", "right", nil}: {cast.Forbidden, 0}, {"widened", "right", nil}: {0, 0}, {"new", "right", nil}: {0, 0},
	} {
		for i, stream := range []string{"cam", "cam2"} {
			if _, err := h.ask(home, stream, who); kind(err) != kinds[i] {
				t.Errorf("%v for %s: %v", who, stream, err)
			}
		}
	}
}

// TestReloadBetween reloads after a request was granted and before its session is opened, as a
// camera is being opened: there is no session then.
func TestReloadBetween(t *testing.T) {
	h := newHouse(t, user("me"), user("you"))
	for name, want := range map[string]cast.Kind{"me": cast.Unauthorized, "you": 0} {
		g, err := h.ask(home, "cam", password{name, "right", nil})
		if err != nil {
			t.Fatal(err)
		}
		h.g.Reload(h.b, usersOf(t, user("you")))
		_, err = h.b.OpenSession(cast.SessionOptions{Stream: h.b.Stream("cam"), Protocol: cast.RTSP, Peer: netip.MustParseAddrPort("192.0.2.1:1"), Grant: g})
		if kind(err) != want {
			t.Errorf("%s: %v", name, err)
		}
		h.g.Reload(h.b, usersOf(t, user("me"), user("you")))
	}
}

// TestFailuresEndNoSession has somebody at the address of a viewer try passwords.
func TestFailuresEndNoSession(t *testing.T) {
	h := newHouse(t, user("me"))
	s, reason := h.open(home, "cam", password{"me", "right", nil})
	for range 1000 {
		_, _ = h.ask(home, "cam", password{"me", "wrong", nil})
	}
	if found, ok := h.b.Session(s.ID()); !ok || found != s || *reason != "" {
		t.Errorf("the viewer was ended: %q", *reason)
	}
}

// TestUnknownStreams names the streams that are only in the file.
func TestUnknownStreams(t *testing.T) {
	h := newHouse(t)
	users := usersOf(t, user("all"), user("a", "cam", "door"), user("b", "door", "cam2", "Cam"))
	if got := users.UnknownStreams(h.b); !slices.Equal(got, []string{"door", "Cam"}) {
		t.Errorf("%q", got)
	}
}

// TestRefusalsCostNothing counts what a refusal allocates: strangers can have thousands a second.
func TestRefusalsCostNothing(t *testing.T) {
	h := newHouse(t, user("me"))
	r := request(home, "cam", nil)
	var got error
	answer := func(_ cast.Grant, err error) { got = err }
	if n := testing.AllocsPerRun(100, func() { h.g.Admit(r, answer) }); n != 0 || !errors.Is(got, auth.NoPassword) {
		t.Errorf("%v allocations, %v", n, got)
	}
}
