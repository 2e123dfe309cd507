package join_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
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

// TestVectors compares the messages with those that PROTOCOL.md shows.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, vectors, _ := strings.Cut(string(text), "## 7.")
	vectors, _, _ = strings.Cut(vectors, "## 8.")
	cookie := join.NewCookies(secret()).Make(time.Second, peer, &ask)
	withCookie := ask
	withCookie.Cookie = cookie
	want := map[string][]byte{
		"JOIN, no cookie":       join.AppendRequest(nil, ask),
		"CHALLENGE":             join.AppendChallenge(nil, &ask, cookie),
		"JOIN, with the cookie": join.AppendRequest(nil, withCookie),
		"ACCEPT":                join.AppendAcceptance(nil, &ask, &acceptance),
	}
	blocks := regexp.MustCompile(`(?m)^([A-Z][A-Za-z, ]+)[^\n]*\n((?:[0-9a-f ]+\n)+)`).FindAllStringSubmatch(vectors, -1)
	if len(blocks) != len(want) {
		t.Errorf("%d test vectors, want %d", len(blocks), len(want))
	}
	for name, message := range want {
		i := slices.IndexFunc(blocks, func(b []string) bool { return b[1] == name })
		if i < 0 {
			t.Errorf("there is no vector of %s: % x", name, message)
			continue
		}
		shown, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "").Replace(blocks[i][2]))
		if err != nil || !bytes.Equal(shown, message) {
			t.Errorf("%s: shown is\n%x, sent is\n%x (%v)", name, shown, message, err)
		}
	}
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
			if answer := join.AppendChallenge(nil, &r, join.Cookie{}); len(answer) > len(request) || r.Bytes != len(request) {
				t.Errorf("%d bytes are answered by %d", len(request), len(answer))
			}
		}
	}
}

func TestCookies(t *testing.T) {
	c := join.NewCookies(secret())
	const made = 5 * time.Second
	cookie := c.Make(made, peer, &ask)
	with := func(change func(*join.Request)) join.Request {
		r := ask
		r.Cookie = cookie
		if change != nil {
			change(&r)
		}
		return r
	}
	for _, x := range []struct {
		name  string
		now   time.Duration
		peer  netip.AddrPort
		r     join.Request
		valid bool
	}{
		{"at once", made, peer, with(nil), true},
		{"at the end of its life", made + join.CookieLifetime, peer, with(nil), true},
		{"a little later", made + join.CookieLifetime + time.Millisecond, peer, with(nil), false},
		{"before it was made", made - time.Millisecond, peer, with(nil), false},
		{"from another port", made, netip.MustParseAddrPort("192.0.2.7:5005"), with(nil), false},
		{"from another address", made, netip.MustParseAddrPort("192.0.2.8:5004"), with(nil), false},
		{"from the same address in IPv6's clothes", made, netip.MustParseAddrPort("[::ffff:192.0.2.7]:5004"), with(nil), true},
		{"for another stream", made, peer, with(func(r *join.Request) { r.Stream = []byte("can") }), false},
		{"for the only stream", made, peer, with(func(r *join.Request) { r.Stream = nil }), false},
		{"for the list", made, peer, with(func(r *join.Request) { r.List, r.Stream = true, nil }), false},
		{"with a bit changed", made, peer, with(func(r *join.Request) { r.Cookie[19] ^= 1 }), false},
		{"made younger", made + 15*time.Second, peer, with(func(r *join.Request) { r.Cookie[2] += 40 }), false},
		{"no cookie", made, peer, ask, false},
		{"by another nonce", made, peer, with(func(r *join.Request) { r.Nonce[0]++ }), true},
	} {
		if got := c.Valid(x.now, x.peer, &x.r); got != x.valid {
			t.Errorf("%s: valid is %v, want %v", x.name, got, x.valid)
		}
	}
	if r := with(nil); join.NewCookies([32]byte{1}).Valid(made, peer, &r) {
		t.Error("a cookie of another secret is valid")
	}
}

func TestServerAllocatesNothing(t *testing.T) {
	c := join.NewCookies(secret())
	packet := join.AppendRequest(nil, ask)
	buffer := make([]byte, 0, join.MaxMessageBytes)
	n := testing.AllocsPerRun(1000, func() {
		r, err := join.ParseRequest(packet)
		if err != nil {
			t.Fatal(err)
		}
		if c.Valid(0, peer, &r) {
			t.Fatal("valid")
		}
		buffer = join.AppendChallenge(buffer[:0], &r, c.Make(0, peer, &r))
	})
	if n != 0 {
		t.Errorf("%v allocations for a first request, want 0", n)
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

// server answers as a broadcaster does, with these streams.
type server struct {
	cookies *join.Cookies
	streams []join.Stream
	joined  int
}

func (s *server) answer(now time.Duration, from netip.AddrPort, packet []byte) []byte {
	r, err := join.ParseRequest(packet)
	if err != nil {
		return nil
	}
	switch {
	case !s.cookies.Valid(now, from, &r):
		return join.AppendChallenge(nil, &r, s.cookies.Make(now, from, &r))
	case r.List:
		return join.AppendStreams(nil, &r, len(s.streams), func(i int) join.Stream { return s.streams[i] })
	}
	for _, stream := range s.streams {
		if stream.Name == string(r.Stream) {
			s.joined++
			return join.AppendAcceptance(nil, &r, &join.Acceptance{SSRC: 9, Stream: stream, Timeout: time.Minute, Readers: 3})
		}
	}
	return join.AppendRefusal(nil, &r, join.NoSuchStream)
}

// talk has a client and a server talk over a network that loses packets.
func talk(c *join.Client, s *server, lost func() bool) (now time.Duration, err error) {
	out := c.Start(now, nil)
	for {
		var in []byte
		if len(out) > 0 && !lost() {
			in = s.answer(now, peer, out)
		}
		if out = nil; len(in) > 0 && !lost() {
			if out, err = c.Receive(now, in, nil); err != nil {
				return now, err
			}
			if len(out) > 0 {
				continue
			}
		}
		next, waiting := c.Next()
		if !waiting {
			return now, nil
		}
		now = next
		if out, err = c.Expire(now, nil); err != nil {
			return now, err
		}
	}
}

func never() bool { return false }

func TestJoining(t *testing.T) {
	s := &server{cookies: join.NewCookies(secret()), streams: []join.Stream{acceptance.Stream}}
	c := join.NewClient("cam", 5, nonce)
	if _, err := talk(c, s, never); err != nil {
		t.Fatal(err)
	}
	if a := c.Accepted(); a == nil || a.SSRC != 9 || a.Stream != acceptance.Stream || a.Timeout != time.Minute || a.Readers != 3 {
		t.Errorf("%+v", a)
	}
	_, err := talk(join.NewClient("other", 5, nonce), s, never)
	if refused := (*join.RefusedError)(nil); !errors.As(err, &refused) || refused.Reason != join.NoSuchStream {
		t.Errorf("another stream: %v", err)
	}
}

func TestJoiningOverALossyNetwork(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, seed))
		s := &server{cookies: join.NewCookies(secret()), streams: []join.Stream{acceptance.Stream}}
		c := join.NewClient("cam", 5, nonce)
		if now, err := talk(c, s, func() bool { return random.IntN(4) == 0 }); err != nil && !errors.Is(err, join.ErrNoAnswer) {
			t.Fatalf("seed %d: %v after %v", seed, err, now)
		} else if err == nil && c.Accepted() == nil {
			t.Fatalf("seed %d: over, and not accepted", seed)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	s := &server{cookies: join.NewCookies(secret())}
	now, err := talk(join.NewClient("cam", 5, nonce), s, func() bool { return true })
	if !errors.Is(err, join.ErrNoAnswer) || now < 10*time.Second || now > 15*time.Second {
		t.Errorf("%v after %v", err, now)
	}
	// A server that never takes its cookies back.
	c := join.NewClient("cam", 5, nonce)
	out := c.Start(0, nil)
	for range 10 {
		r, _ := join.ParseRequest(out)
		if out, err = c.Receive(0, join.AppendChallenge(nil, &r, join.Cookie{1}), nil); err != nil {
			break
		}
	}
	if !errors.Is(err, join.ErrChallenges) {
		t.Errorf("ten challenges: %v", err)
	}
}

func TestForgedAnswersChangeNothing(t *testing.T) {
	c := join.NewClient("cam", 5, nonce)
	c.Start(0, nil)
	other := ask
	other.Nonce[7]++
	for _, forged := range [][]byte{
		join.AppendAcceptance(nil, &other, &acceptance), join.AppendRefusal(nil, &other, join.Full),
		join.AppendChallenge(nil, &other, join.Cookie{9}), []byte("junk"), nil,
	} {
		if out, err := c.Receive(0, forged, nil); len(out) > 0 || err != nil || c.Accepted() != nil {
			t.Errorf("% x is answered by % x, %v", forged, out, err)
		}
	}
}

func TestListing(t *testing.T) {
	s := &server{cookies: join.NewCookies(secret())}
	for i := range 100 { // more than one message holds
		stream := acceptance.Stream
		stream.Name = fmt.Sprintf("%s-%d", strings.Repeat("camera", 5), i)
		s.streams = append(s.streams, stream)
	}
	c := join.NewListClient(5, nonce)
	if _, err := talk(c, s, never); err != nil {
		t.Fatal(err)
	}
	got, complete := c.Streams()
	if !complete || !slices.Equal(got, s.streams) {
		t.Errorf("%d streams, complete is %v", len(got), complete)
	}
	s.streams = nil
	c = join.NewListClient(5, nonce)
	if _, err := talk(c, s, never); err != nil {
		t.Fatal(err)
	}
	if got, complete := c.Streams(); !complete || len(got) != 0 {
		t.Errorf("no streams: %v, %v", got, complete)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(join.AppendRequest(nil, ask))
	f.Add(join.AppendAcceptance(nil, &ask, &acceptance))
	f.Add(join.AppendStreams(nil, &ask, 2, func(int) join.Stream { return acceptance.Stream }))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if r, err := join.ParseRequest(packet); err == nil {
			again, err := join.ParseRequest(join.AppendRequest(nil, r))
			if err != nil || string(again.Stream) != string(r.Stream) || again.Cookie != r.Cookie || again.First != r.First {
				t.Fatalf("%+v is written as %+v, %v", r, again, err)
			}
		}
		c := join.NewClient("cam", 5, join.Nonce(append(bytes.Clone(packet), make([]byte, 20)...)[12:20]))
		c.Start(0, nil)
		_, _ = c.Receive(0, packet, nil)
	})
}

// A reader asks, proves that it is where it says, and is in.
func ExampleClient() {
	broadcaster := &server{cookies: join.NewCookies(secret()), streams: []join.Stream{acceptance.Stream}}
	reader := join.NewClient("cam", 5, nonce)
	packet := reader.Start(0, nil)
	for reader.Accepted() == nil {
		answer := broadcaster.answer(0, peer, packet)
		fmt.Println(len(packet), "bytes are answered by", len(answer))
		var err error
		if packet, err = reader.Receive(0, answer, nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("%s: %dx%d\n", reader.Accepted().Stream.Name, reader.Accepted().Stream.Width, reader.Accepted().Stream.Height)
	// Output:
	// 44 bytes are answered by 40
	// 44 bytes are answered by 48
	// cam: 640x480
}
