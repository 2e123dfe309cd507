package join_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
	pion "github.com/pion/rtcp"
)

var (
	peer  = netip.MustParseAddrPort("192.0.2.7:5004")
	nonce = join.Nonce{1, 2, 3, 4, 5, 6, 7, 8}
	ask   = join.Request{SSRC: 0x11223344, Nonce: nonce, Stream: []byte("cam")}
)

func secret() (s [32]byte) {
	for i := range s {
		s[i] = byte(i)
	}
	return s
}

// acceptance is that of the test vectors.
var acceptance = join.Acceptance{
	SSRC: 0xaabbccdd, Timeout: time.Minute, Readers: 5,
	Stream: join.Stream{Name: "cam", Width: 640, Height: 480, MilliFPS: 30000, ClockHz: 90000, PayloadType: 26},
}

// TestIsRTCP has another implementation read the messages.
func TestIsRTCP(t *testing.T) {
	packets, err := pion.Unmarshal(join.AppendRequest(nil, ask))
	if err != nil || len(packets) != 1 {
		t.Fatalf("%v, %v", packets, err)
	}
	if app, ok := packets[0].(*pion.ApplicationDefined); !ok || app.Name != "CCJ1" || app.SSRC != ask.SSRC || app.SubType != 0 {
		t.Errorf("%+v", packets[0])
	}
}

func TestChallengesAreShorter(t *testing.T) {
	for length := range join.MaxNameBytes + 1 {
		for _, list := range []bool{false, true} {
			request := join.AppendRequest(nil, join.Request{List: list, Stream: make([]byte, length)})
			r, err := join.ParseRequest(request)
			if err != nil {
				t.Fatal(err)
			}
			if answer := join.AppendChallenge(nil, &r, join.Cookie{}); len(answer) > len(request) {
				t.Errorf("%d bytes are answered by %d", len(request), len(answer))
			}
		}
	}
}

func TestParseRefusesJunk(t *testing.T) {
	good := join.AppendRequest(nil, ask)
	change := func(at int, value byte) []byte { p := bytes.Clone(good); p[at] = value; return p }
	for name, p := range map[string][]byte{
		"nothing": nil, "half": good[:24], "another name": change(8, 'X'), "another type": change(1, 203),
		"version 1": change(0, 0x40), "padding": change(0, 0xa0), "an answer": change(0, 0x81), "subtype 31": change(0, 0x9f),
		"a wrong length": change(3, 9), "a longer name": change(40, 200), "a byte more": append(bytes.Clone(good), 0),
	} {
		if _, err := join.ParseRequest(p); !errors.Is(err, join.ErrNotJoin) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := join.ParseAnswer(good); !errors.Is(err, join.ErrNotJoin) {
		t.Errorf("a request is taken for an answer: %v", err)
	}
}
