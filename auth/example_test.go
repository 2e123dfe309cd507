package auth_test

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
)

// login is what a front's protocol makes of a request's password.
type login struct{ user, password string }

func (l login) User() string { return l.user }

func (l login) Verify(s cast.Secret) bool {
	given := sha256.Sum256([]byte(l.user + ":" + cast.Realm + ":" + l.password))
	return subtle.ConstantTimeCompare(given[:], s.HA1SHA256[:]) == 1
}

// A program has its viewers prove passwords. It could have read the users from a file, by
// auth.ReadFile.
func ExampleGate() {
	secret, err := cast.NewSecret("anna", "correct horse")
	if err != nil {
		fmt.Println(err)
		return
	}
	users, err := auth.NewUsers(auth.User{Name: "anna", Role: auth.View, Streams: []string{"garden"}, Secret: secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	l := loop.NewOn(sim.New(1)) // a real program: loop.New()
	gate := auth.NewGate(l, users)
	b, err := cast.New(l, cast.Config{Gate: gate}) // which asks the gate from now on
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()

	for _, r := range []cast.Request{
		{Stream: "garden"},
		{Stream: "garden", Credentials: login{"anna", "battery staple"}},
		{Stream: "door", Credentials: login{"anna", "correct horse"}},
		{Stream: "garden", Credentials: login{"anna", "correct horse"}},
	} {
		gate.Admit(r, func(g cast.Grant, err error) {
			if err != nil {
				fmt.Println(cast.RefusalOf(err).Kind, "-", err)
				return
			}
			fmt.Println("welcome,", g.User)
		})
	}

	gate.Reload(b, new(auth.Users)) // ends the sessions of those who are not there any more
	gate.Admit(cast.Request{Stream: "garden", Credentials: login{"anna", "correct horse"}}, func(_ cast.Grant, err error) {
		fmt.Println(err)
	})
	// Output:
	// unauthorized - a password is needed
	// unauthorized - wrong user or password
	// forbidden - not one of your streams
	// welcome, anna
	// wrong user or password
}
