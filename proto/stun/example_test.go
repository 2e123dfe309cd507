package stun_test

import (
	"fmt"
	"net/netip"

	own "github.com/camcast/camcast/proto/stun"
	"github.com/pion/stun/v3"
)

// A server has told a browser a user name and a password. A datagram comes: whose is it, does it prove the password, and what is
// answered?
func ExampleResponder() {
	passwords := map[string]string{"Gx3k": "rDkN1kqzlKmWcqjFdS8bqQxN"} // of all sessions, by their user names
	browser, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("Gx3k:EsAw"),
		stun.NewShortTermIntegrity("rDkN1kqzlKmWcqjFdS8bqQxN"), stun.Fingerprint)
	if err != nil {
		fmt.Println(err)
		return
	}
	datagram, from := browser.Raw, netip.MustParseAddrPort("192.0.2.7:50000")

	var r own.Responder
	name, ok := own.Fragment(datagram) // this alone proves nothing
	password, known := passwords[string(name)]
	if !ok || !known {
		return // it is sent nothing
	}
	conflict, err := r.Check(datagram, []byte(password))
	if err != nil {
		return // it is sent nothing
	}
	answer := r.AppendSuccess(nil, from, []byte(password))

	read := &stun.Message{Raw: answer}
	var seen stun.XORMappedAddress
	fmt.Println(conflict, read.Decode(), read.Type, seen.GetFrom(read), seen)
	// Output:
	// false <nil> Binding success response <nil> 192.0.2.7:50000
}
