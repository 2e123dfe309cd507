package join_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
)

// vectorsShown are the test vectors in PROTOCOL.md, by the line above each, up to a colon.
func vectorsShown(t *testing.T) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## 9. Test vectors\n")
	section, _, _ = strings.Cut(section, "\n## ")
	shown := map[string][]byte{}
	for _, b := range regexp.MustCompile(`(?m)^([A-Z]{4}[A-Za-z, ]+)[^\n]*\n((?:[0-9a-f ]+\n)+)`).FindAllStringSubmatch(section, -1) {
		if shown[b[1]], err = hex.DecodeString(strings.NewReplacer(" ", "", "\n", "").Replace(b[2])); err != nil {
			t.Errorf("%s: %v", b[1], err)
		}
	}
	return shown
}

// TestVectors compares the messages with those that PROTOCOL.md shows.
func TestVectors(t *testing.T) {
	shown := vectorsShown(t)
	cookies := join.NewCookies(secret())
	cookie := cookies.Make(time.Second, peer, &ask)
	withCookie, list := ask, join.Request{List: true, SSRC: ask.SSRC, Nonce: nonce}
	withCookie.Cookie = cookie
	list.Cookie = cookies.Make(time.Second, peer, &list)
	h264 := acceptance
	h264.Stream.PayloadType, h264.Stream.Encoding, h264.FormatParameters = 96, "H264", "packetization-mode=1"
	key, err := join.NewKey("anna", "sesame")
	if err != nil {
		t.Fatal(err)
	}
	annas, annasList := withCookie, list
	annas.User, annasList.User = []byte("anna"), []byte("anna")
	annas.Prove(key)
	annasList.Prove(key)
	proved := "CCJ1\x00" + string(nonce[:]) + string(cookie[:]) + "\x04annacam"
	input := "00000000000003e8" + "00000000000000000000ffffc0000207" + "138c" + "00" + hex.EncodeToString([]byte("cam"))
	want := map[string][]byte{
		"JOIN, no cookie":       join.AppendRequest(nil, ask),
		"INPUT of the code":     unhex(t, input),
		"CHALLENGE":             join.AppendChallenge(nil, &ask, cookie),
		"JOIN, with the cookie": join.AppendRequest(nil, withCookie),
		"ACCEPT":                join.AppendAcceptance(nil, &ask, &acceptance),
		"REFUSE":                join.AppendRefusal(nil, &ask, join.Full),
		"REFUSE, forbidden":     join.AppendRefusal(nil, &ask, join.Forbidden),
		"REFUSE, address":       join.AppendRefusal(nil, &ask, join.AddressFull),
		"LIST, with its cookie": join.AppendRequest(nil, list),
		"STREAMS":               join.AppendStreams(nil, &list, 1, func(int) join.Stream { return acceptance.Stream }),

		"ACCEPT, with a format":  join.AppendAcceptance(nil, &ask, &h264),
		"STREAMS, with a format": join.AppendStreams(nil, &list, 1, func(int) join.Stream { return h264.Stream }),

		"JOINKEY of the user anna, password sesame": key[:],
		"INPUT of the proof":                        []byte(proved),
		"JOIN, of anna":                             join.AppendRequest(nil, annas),
		"LIST, of anna":                             join.AppendRequest(nil, annasList),
		"REFUSE, password":                          join.AppendRefusal(nil, &ask, join.Unauthorized),
	}
	if len(shown) != len(want) {
		t.Errorf("%d test vectors, want %d", len(shown), len(want))
	}
	for name, message := range want {
		if !bytes.Equal(shown[name], message) {
			t.Errorf("%s: shown is\n%x, sent is\n%x", name, shown[name], message)
		}
	}
	// The proof by the words of section 4.9, and not by Prove.
	mac := hmac.New(sha256.New, shown["JOINKEY of the user anna, password sesame"])
	mac.Write(shown["INPUT of the proof"])
	if proof := mac.Sum(nil); !bytes.Equal(proof, annas.Proof[:]) {
		t.Errorf("the proof is %x, want %x", annas.Proof, proof)
	}
	// The code by the words of section 5, and not by Cookies.
	hidden := secret()
	mac = hmac.New(sha256.New, hidden[:])
	mac.Write(shown["INPUT of the code"])
	if code := mac.Sum(nil)[:16]; !bytes.Equal(code, cookie[4:]) {
		t.Errorf("the code of the cookie is %x, want %x", cookie[4:], code)
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	p, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
