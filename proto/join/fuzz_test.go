package join_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/camcast/camcast/proto/join"
)

// FuzzParse has what is understood be understood in the same way when it is written again.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, packet []byte) {
		before := bytes.Clone(packet)
		if r, err := join.ParseRequest(packet); err == nil {
			again, err := join.ParseRequest(join.AppendRequest(nil, r))
			if err != nil || string(again.Stream) != string(r.Stream) || again.Cookie != r.Cookie || again.First != r.First || again.List != r.List {
				t.Fatalf("%+v is written as %+v, %v", r, again, err)
			}
			if n := len(join.AppendChallenge(nil, &r, join.Cookie{})); n > len(packet) {
				t.Fatalf("%d bytes are answered by %d", len(packet), n)
			}
		}
		if a, err := join.ParseAnswer(packet); err == nil && a.Streams == nil {
			again, err := join.ParseAnswer(written(a))
			if err != nil || !reflect.DeepEqual(again, a) {
				t.Fatalf("%+v is written as %+v, %v", a, again, err)
			}
		}
		clients := []*join.Client{join.NewClient("cam", 5, nonceOf(packet)), join.NewListClient(5, nonceOf(packet))}
		for _, c := range clients {
			c.Start(0, nil)
			for range 3 {
				_, _ = c.Receive(0, packet, nil)
			}
		}
		if !bytes.Equal(packet, before) {
			t.Fatal("the packet is changed")
		}
	})
}

// nonceOf is where a message has its nonce.
func nonceOf(packet []byte) join.Nonce {
	return join.Nonce(append(bytes.Clone(packet), make([]byte, 20)...)[12:20])
}

// written is an answer, but a list, as a broadcaster would write it.
func written(a join.Answer) []byte {
	r := join.Request{Nonce: a.Nonce}
	switch {
	case a.Challenge != nil:
		return join.AppendChallenge(nil, &r, *a.Challenge)
	case a.Accepted != nil:
		return join.AppendAcceptance(nil, &r, a.Accepted)
	}
	return join.AppendRefusal(nil, &r, a.Refused)
}
