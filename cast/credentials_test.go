package cast_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/camcast/camcast/cast"
)

// TestNewSecret compares what is kept of a password with what Python's hashlib makes of it.
func TestNewSecret(t *testing.T) {
	s, err := cast.NewSecret("me", "open: sesame")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"HA1MD5", s.HA1MD5[:], "8df85e363da26927b204af5c8a25f54b"},
		{"HA1SHA256", s.HA1SHA256[:], "0cf89ce0c0bd007bd2c6d151a401b62b3e5051ccf5217ead4c570d0d055fea17"},
		{"JoinKey", s.JoinKey[:], "1a3dae3a494be7c797b90b2d6d082e2e51e63c795004f2f8de5c827a1b8880b1"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s is %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSecretsAreNotPrinted prints one in every way.
func TestSecretsAreNotPrinted(t *testing.T) {
	s, err := cast.NewSecret("me", "open: sesame")
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if text := fmt.Sprintf(verb, s); text != "(secret)" {
			t.Errorf("%s: %s", verb, text)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "user", struct{ Secret cast.Secret }{s})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "user", struct{ Secret cast.Secret }{s})
	if strings.Count(log.String(), "(secret)") != 4 {
		t.Error(log.String())
	}
}

// nobody is wrong credentials.
type nobody struct{}

func (nobody) User() string            { return "nobody" }
func (nobody) Verify(cast.Secret) bool { return false }

// TestFirstRequestsAreNotLogged asks without credentials, as players do first, and with wrong ones.
func TestFirstRequestsAreNotLogged(t *testing.T) {
	for _, c := range []struct {
		credentials cast.Credentials
		kind        cast.Kind
		logged      bool
	}{
		{nil, cast.Unauthorized, false}, {nobody{}, cast.Unauthorized, true}, {nil, cast.Forbidden, true},
	} {
		g := &gate{decide: func(_ cast.Request, answer func(cast.Grant, error)) {
			answer(cast.Grant{}, &cast.Refusal{Kind: c.kind})
		}}
		w := newWorld(t, 1, func(config *cast.Config) { config.Gate = g })
		var got error
		w.b.Admit(cast.Request{Protocol: cast.RTSP, Peer: netip.MustParseAddrPort("10.0.1.1:1"), Stream: "cam", Action: cast.Watch, Credentials: c.credentials},
			func(_ cast.Grant, err error) { got = err })
		w.until(func() bool { return got != nil })
		if logged := strings.Contains(w.log.String(), "reader refused"); logged != c.logged {
			t.Errorf("%v of %v: logged %v", c.kind, c.credentials, logged)
		}
	}
}

// TestUsersAreNamed looks for the user in the figures of a session, and in the log when it ends.
func TestUsersAreNamed(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.until(func() bool { return w.s.Available() == nil })
	s, err := w.b.OpenSession(cast.SessionOptions{
		Stream: w.s, Protocol: cast.RTSP, Peer: netip.MustParseAddrPort("10.0.1.1:1"), Grant: cast.Grant{User: "me"},
	})
	if err == nil {
		err = s.PlayGroup()
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.User() != "me" || s.Figures().User != "me" {
		t.Errorf("%q, in the figures %q", s.User(), s.Figures().User)
	}
	s.End("enough")
	if !strings.Contains(w.log.String(), `msg="reader left" stream=cam peer=10.0.1.1:1 protocol=rtsp user=me reason=enough`) {
		t.Error("the log does not say who has left")
	}
}

// TestGrantsThatDoNotHold opens a session when the gate has changed its mind.
func TestGrantsThatDoNotHold(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.until(func() bool { return w.s.Available() == nil })
	for _, holds := range []bool{false, true} {
		_, err := w.b.OpenSession(cast.SessionOptions{
			Stream: w.s, Protocol: cast.RTSP, Peer: netip.MustParseAddrPort("10.0.1.1:1"), Grant: cast.Grant{User: "me", Valid: func() bool { return holds }},
		})
		if (err == nil) != holds || err != nil && cast.RefusalOf(err).Kind != cast.Unauthorized {
			t.Errorf("%v: %v", holds, err)
		}
	}
}
