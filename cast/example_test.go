package cast_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
)

// office is a Gate: it admits one network at once. Of others it looks up the secret, which takes a
// while, and wants the password proved.
type office struct {
	lookUp func(user string, done func(secret cast.Secret, known bool))
}

func (o office) Admit(r cast.Request, answer func(cast.Grant, error)) {
	if netip.MustParsePrefix("10.0.1.0/24").Contains(r.Peer.Addr()) {
		answer(cast.Grant{User: "office"}, nil)
		return
	}
	o.lookUp(r.User(), func(secret cast.Secret, known bool) { // on any goroutine
		if !known || !r.Verify(secret) { // anybody can give a name
			answer(cast.Grant{}, &cast.Refusal{Kind: cast.Unauthorized, Reason: "members only"})
			return
		}
		answer(cast.Grant{User: r.User()}, nil)
	})
}

// A program decides who may watch. Its answer may come later; nobody else waits for it.
func ExampleGate() {
	k := sim.New(1, sim.WithAddresses(serverAddr))
	l := loop.NewOn(k) // a real program: loop.New()
	slowly := func(_ string, done func(secret cast.Secret, known bool)) {
		l.NewTimer(func() { done(cast.Secret{}, false) }).SetAfter(100 * time.Millisecond) // a real program: a database
	}
	b, err := cast.New(l, cast.Config{Gate: office{slowly}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	if _, err := rtsp.Listen(b, rtspAddr, rtsp.Options{}); err != nil {
		fmt.Println(err)
		return
	}
	stream, err := b.AddStream("cam", nil, cast.StreamOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	picture := media.Frame{Params: &media.Params{Format: media.JPEG, Width: 640, Height: 480}, Bytes: numbered(1, 500), Key: true}
	if err := stream.Publish(picture); err != nil {
		fmt.Println(err)
		return
	}
	for _, from := range []string{"10.0.1.7", "10.0.2.7"} {
		peer, err := k.DialTCP(netip.AddrPortFrom(netip.MustParseAddr(from), 0), rtspAddr)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Fprintf(peer, "DESCRIBE rtsp://10.0.0.1/cam RTSP/1.0\r\nCSeq: 1\r\n\r\n")
		if err := sim.RunUntil(l, func() bool { return peer.Pending() > 0 }, time.Second); err != nil {
			fmt.Println(err)
		}
		status, _ := bufio.NewReader(bytes.NewReader(peer.Take())).ReadString('\n')
		fmt.Println(from, strings.TrimSpace(status))
	}
	// Output:
	// 10.0.1.7 RTSP/1.0 200 OK
	// 10.0.2.7 RTSP/1.0 401 Unauthorized: members only
}

// A program makes pictures by itself: the stream has no source, and can be described from the
// first picture on.
func ExampleStream_Publish() {
	l := loop.NewOn(sim.New(1)) // a real program: loop.New()
	b, err := cast.New(l, cast.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	stream, err := b.AddStream("drawn", nil, cast.StreamOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(stream.Available())
	params := &media.Params{Format: media.JPEG, Width: 640, Height: 480, FramesPerSecond: 10}
	var picture uint32
	var timer *loop.Timer
	timer = l.NewTimer(func() { // another goroutine would publish by l.Do
		picture++
		if err := stream.Publish(media.Frame{Params: params, Bytes: numbered(picture, 500), Captured: l.Now(), Key: true}); err != nil {
			fmt.Println(err)
			return
		}
		timer.SetAfter(time.Second / 10)
	})
	timer.SetAfter(0)
	if err := sim.RunFor(l, 950*time.Millisecond); err != nil { // a real program: l.Run(ctx)
		fmt.Println(err)
	}
	fmt.Println(stream.Available(), stream.Figures().Frames)
	if err := stream.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(stream.Publish(media.Frame{Params: params, Bytes: numbered(1, 500), Key: true}))
	timer.Stop()
	// Output:
	// nothing has been published yet
	// <nil> 10
	// cast: closed
}
