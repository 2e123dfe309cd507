package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// annas is a Gate that wants anna's password.
type annas struct{ secret cast.Secret }

func (a annas) Admit(r cast.Request, answer func(cast.Grant, error)) {
	if r.User() != "anna" || !r.Verify(a.secret) {
		answer(cast.Grant{}, &cast.Refusal{Kind: cast.Unauthorized})
		return
	}
	answer(cast.Grant{User: "anna"}, nil)
}

// TestPasswords has the viewer watch with the right password, a wrong one and none, in every way. What it tells a person
// never has the password in it.
func TestPasswords(t *testing.T) {
	const password = "s3 cr@t"
	secret, err := cast.NewSecret("anna", password)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"--transport udp rtsp://%127.0.0.1:8554/cam", "--transport tcp rtsp://%127.0.0.1:8554/cam", "camcast://%127.0.0.1:5004/cam"} {
		for user, want := range map[string]string{
			"anna:s3%20cr%40t@": "", "anna:s3cr@t@": "the user or the password is wrong", "otto:s3%20cr%40t@": "the user or the password is wrong",
			"": "USER:PASSWORD@HOST",
		} {
			s := newGuardedScene(t, grey(), annas{secret})
			s.secrets.AddWords(password, "s3%20cr", "s3cr@t")
			s.watch(strings.Replace("--json "+way, "%", user, 1))
			if want == "" {
				s.until("the viewer plays", 10*time.Second, func() bool { return s.viewer.readers[0].frames > 20 })
				for session := range s.cast.Sessions() {
					if session.User() != "anna" {
						t.Errorf("%s: the session is of %q", way, session.User())
					}
				}
				s.leave()
			} else {
				s.until("the viewer gives up", 10*time.Second, func() bool { return s.over })
				s.said.WriteString(fmt.Sprint(s.viewer.failure))
				if said := s.said.String(); !strings.Contains(said, want) || s.viewer.readers[0].frames > 0 {
					t.Errorf("%s as %q: %d frames, says %q", way, user, s.viewer.readers[0].frames, said)
				}
			}
		}
	}
}
