package join_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
)

// annas is the key of the test vectors.
var annas = join.Key{0x1a, 0x2c, 0x52, 0x1e, 0x72, 0xce}

// guard is a server that wants anna's key.
type guard struct {
	server
	requests [][]byte
}

func (g *guard) answer(now time.Duration, from netip.AddrPort, packet []byte) []byte {
	g.requests = append(g.requests, bytes.Clone(packet))
	r, err := join.ParseRequest(packet)
	if err == nil && g.cookies.Valid(now, from, &r) && (string(r.User) != "anna" || !r.Proves(annas)) {
		return join.AppendRefusal(nil, &r, join.Unauthorized)
	}
	return g.server.answer(now, from, packet)
}

// join has a client ask, and returns how that ends.
func (g *guard) join(t *testing.T, c *join.Client) error {
	t.Helper()
	var err error
	for out := c.Start(0, nil); len(out) > 0 && err == nil; {
		out, err = c.Receive(0, g.answer(0, peer, out), nil)
	}
	return err
}

func TestPasswords(t *testing.T) {
	for _, c := range []struct {
		user string
		key  join.Key
		want string // empty: joins
	}{
		{"anna", annas, ""},
		{"anna", join.Key{1}, "the broadcaster refuses: the user or the password is wrong"},
		{"otto", annas, "the broadcaster refuses: the user or the password is wrong"},
		{"", annas, "the broadcaster refuses: a user and a password are needed"},
	} {
		for _, list := range []bool{false, true} {
			g := &guard{server: server{cookies: join.NewCookies(secret()), streams: []join.Stream{acceptance.Stream}}}
			client := join.NewClient("cam", 5, nonce)
			if list {
				client = join.NewListClient(5, nonce)
			}
			client.SetUser(c.user, c.key)
			err := g.join(t, client)
			refused := (*join.RefusedError)(nil)
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &refused) || err.Error() != c.want || refused.Reason != join.Unauthorized) {
				t.Errorf("%q, list %v: %v", c.user, list, err)
			}
			streams, _ := client.Streams()
			if in := client.Accepted() != nil || len(streams) > 0; in != (c.want == "") {
				t.Errorf("%q, list %v: is in: %v", c.user, list, in)
			}
			if strings.Contains(string(g.requests[0]), "anna") {
				t.Error("the user is named before there is a cookie")
			}
		}
	}
}

// TestOpenServersIgnoreUsers: a server that wants no password is asked with one.
func TestOpenServersIgnoreUsers(t *testing.T) {
	s := &server{cookies: join.NewCookies(secret()), streams: []join.Stream{acceptance.Stream}}
	c := join.NewClient("cam", 5, nonce)
	c.SetUser("anna", annas)
	if _, err := talk(c, s, never); err != nil || c.Accepted() == nil {
		t.Errorf("joined: %v, %v", c.Accepted(), err)
	}
}

// TestListOfPages has each page of a list asked for with a proof.
func TestListOfPages(t *testing.T) {
	g := &guard{server: server{cookies: join.NewCookies(secret())}}
	for range 100 { // more than one message holds
		g.streams = append(g.streams, join.Stream{Name: strings.Repeat("camera", 5)})
	}
	c := join.NewListClient(5, nonce)
	c.SetUser("anna", annas)
	if err := g.join(t, c); err != nil {
		t.Fatal(err)
	}
	if streams, complete := c.Streams(); !complete || len(streams) != 100 || len(g.requests) < 4 {
		t.Errorf("%d streams after %d requests, complete: %v", len(streams), len(g.requests), complete)
	}
}

// TestProofIsForOneRequest changes everything that a proof is over.
func TestProofIsForOneRequest(t *testing.T) {
	original := join.Request{Nonce: nonce, Cookie: join.Cookie{1}, Stream: []byte("cam"), User: []byte("anna")}
	original.Prove(annas)
	if !original.Proves(annas) || original.Proves(join.Key{}) {
		t.Fatal("the proof is not the key's")
	}
	for name, change := range map[string]func(*join.Request){
		"the nonce":       func(r *join.Request) { r.Nonce[7]++ },
		"the cookie":      func(r *join.Request) { r.Cookie[19]++ },
		"the stream":      func(r *join.Request) { r.Stream = []byte("door") },
		"no stream":       func(r *join.Request) { r.Stream = nil },
		"the user":        func(r *join.Request) { r.User = []byte("otto") },
		"where names end": func(r *join.Request) { r.User, r.Stream = []byte("annac"), []byte("am") },
		"the kind":        func(r *join.Request) { r.List = true },
		"the proof":       func(r *join.Request) { r.Proof[31]++ },
		"no proof":        func(r *join.Request) { r.Proof = join.Proof{} },
	} {
		r := original
		if change(&r); r.Proves(annas) {
			t.Errorf("%s: the proof is still taken", name)
		}
	}
}

// TestOldRequests are those of readers that know of no users, whatever the length of the name: the
// zeros behind it are nobody. The challenge is no longer than they are.
func TestOldRequests(t *testing.T) {
	for length := range 20 {
		packet := join.AppendRequest(nil, join.Request{Stream: bytes.Repeat([]byte("x"), length), Nonce: nonce})
		r, err := join.ParseRequest(packet)
		if err != nil || len(r.User) > 0 || r.Proof != (join.Proof{}) || len(r.Stream) != length {
			t.Errorf("%d: %+v, %v", length, r, err)
		}
	}
}

// TestHalfAUser is no message.
func TestHalfAUser(t *testing.T) {
	whole := join.AppendRequest(nil, join.Request{Stream: []byte("cam"), User: []byte("anna"), Nonce: nonce, Proof: join.Proof{31: 9}})
	if r, err := join.ParseRequest(whole); err != nil || string(r.User) != "anna" {
		t.Fatalf("%+v, %v", r, err)
	}
	const nameEnds = 44
	for end := nameEnds + 4; end < len(whole); end += 4 {
		cut := bytes.Clone(whole[:end])
		cut[3] = byte(end/4 - 1)
		if _, err := join.ParseRequest(cut); !errors.Is(err, join.ErrNotJoin) {
			t.Errorf("%d bytes: %v", end, err)
		}
	}
}

// FuzzProof has a proof of anything be taken as it is, after its way through a packet, and with
// nothing changed.
func FuzzProof(f *testing.F) {
	f.Fuzz(func(t *testing.T, key, cookie, user, stream []byte, list bool, bit uint16) {
		r := join.Request{List: list, Nonce: nonce, User: user[:min(len(user), join.MaxUserBytes)]}
		if !list {
			r.Stream = stream[:min(len(stream), join.MaxNameBytes)]
		}
		copy(r.Cookie[:], cookie)
		var k join.Key
		copy(k[:], key)
		r.Prove(k)
		packet := join.AppendRequest(nil, r)
		got, err := join.ParseRequest(packet)
		if err != nil || !bytes.Equal(got.User, r.User) || len(r.User) > 0 && !got.Proves(k) {
			t.Fatalf("%+v is read as %+v, %v", r, got, err)
		}
		if len(r.User) == 0 {
			return
		}
		k[bit%join.KeyBytes] ^= 1
		if got.Proves(k) {
			t.Fatal("another key is taken")
		}
		k[bit%join.KeyBytes] ^= 1
		const nonceBegins = 12 // what comes before is the header
		at := nonceBegins + int(bit>>3)%(len(packet)-nonceBegins)
		packet[at] ^= 1 << (bit & 7)
		changed, err := join.ParseRequest(packet)
		same := changed.Proof == got.Proof && bytes.Equal(changed.User, got.User) && bytes.Equal(changed.Stream, got.Stream) &&
			changed.Cookie == got.Cookie && changed.Nonce == got.Nonce
		if err == nil && !same && changed.Proves(k) {
			t.Fatalf("with bit %d of byte %d changed it is still taken", bit&7, at)
		}
	})
}

// TestKeysAreNotShown has no verb and no encoder show a key or a proof, nor what holds a key.
func TestKeysAreNotShown(t *testing.T) {
	var r join.Request
	r.Prove(annas)
	c := join.NewClient("cam", 1, join.Nonce{})
	c.SetUser("anna", annas)
	for _, secret := range []any{annas, r.Proof, c} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d", "%q"} {
			if shown := fmt.Sprintf(verb, secret); shown != "(secret)" {
				t.Errorf("%s of %T is %s", verb, secret, shown)
			}
		}
	}
	inJSON, err := json.Marshal(map[string]any{"key": annas, "proof": r.Proof})
	if err != nil || string(inJSON) != `{"key":"(secret)","proof":"(secret)"}` {
		t.Errorf("in JSON %s, %v", inJSON, err)
	}
}
