package main

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/join"
)

// refusals are the reasons for which startJoinable's broadcaster refuses streams of these names. One is of a later version.
var refusals = map[string]join.Reason{"locked": join.Forbidden, "crowded": join.AddressFull, "full": join.Full, "ended": join.Unavailable, "strange": 499}

// startJoinable is the address of a broadcaster that can be joined by one port, but has
// nothing to send.
func startJoinable(t *testing.T, streams ...join.Stream) string {
	t.Helper()
	socket, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	cookies, began := join.NewCookies([32]byte{1}), time.Now()
	answer := func(r *join.Request, from netip.AddrPort) []byte {
		if !cookies.Valid(time.Since(began), from, r) {
			return join.AppendChallenge(nil, r, cookies.Make(time.Since(began), from, r))
		}
		if r.List {
			return join.AppendStreams(nil, r, len(streams), func(i int) join.Stream { return streams[i] })
		}
		for _, s := range streams {
			if s.Name == string(r.Stream) {
				return join.AppendAcceptance(nil, r, &join.Acceptance{SSRC: 1, Stream: s, Timeout: time.Minute, Readers: 1})
			}
		}
		if reason, ok := refusals[string(r.Stream)]; ok {
			return join.AppendRefusal(nil, r, reason)
		}
		return join.AppendRefusal(nil, r, join.NoSuchStream)
	}
	go func() {
		var buffer [2000]byte
		for {
			n, from, err := socket.ReadFromUDPAddrPort(buffer[:])
			if err != nil {
				return
			}
			if r, err := join.ParseRequest(buffer[:n]); err == nil {
				_, _ = socket.WriteToUDPAddrPort(answer(&r, from), from) // as good as UDP is
			}
		}
	}()
	return socket.LocalAddr().String()
}

// TestList prints the streams of a broadcaster, more than one message holds.
func TestList(t *testing.T) {
	streams := []join.Stream{
		{Name: "cam", Width: 640, Height: 480, MilliFPS: 30000, PayloadType: 26, ClockHz: 90000},
		{Name: "desk\x1b[2J", Width: 1280, Height: 720, MilliFPS: 29970, PayloadType: 96, ClockHz: 90000},
		{Name: "roof", Width: 1280, Height: 720, MilliFPS: 30000, PayloadType: 96, ClockHz: 90000, Encoding: "H264"},
	}
	var want bytes.Buffer
	want.WriteString("cam\t640x480\t30 fps\tJPEG\n" + `desk\x1b[2J` + "\t1280x720\t29.97 fps\tpayload type 96\nroof\t1280x720\t30 fps\tH.264\n")
	for i := range 100 {
		streams = append(streams, join.Stream{Name: fmt.Sprintf("another camera %d", i), Width: 8, Height: 8, PayloadType: 26})
		fmt.Fprintf(&want, "another camera %d\t8x8\t? fps\tJPEG\n", i)
	}
	at := startJoinable(t, streams...)
	for _, url := range []string{"camcast://" + at + "/", "camcast://" + at} {
		if status, stdout, stderr := runCamview(t, url); status != 0 || stdout != want.String() || stderr != "" {
			t.Errorf("%s: status %d, stderr %q, stdout %q", url, status, stderr, stdout)
		}
	}
	status, stdout, stderr := runCamview(t, "--json", "camcast://"+at+"/")
	const begin = `[{"name":"cam","width":640,"height":480,"fps":30,"payload_type":26},{"name":"desk\u001b[2J","width":1280,"height":720,"fps":29.97,"payload_type":96},{"name":"roof","width":1280,"height":720,"fps":30,"payload_type":96,"encoding":"H264"},`
	if status != 0 || !strings.HasPrefix(stdout, begin) || strings.Count(stdout, `"name"`) != len(streams) || stderr != "" {
		t.Errorf("--json: status %d, stderr %q, stdout %q", status, stderr, stdout)
	}
}

// TestRefusedJoin asks for streams that are refused.
func TestRefusedJoin(t *testing.T) {
	at := startJoinable(t)
	for name, reason := range map[string]string{
		"nothing": "no stream has that name; camview camcast://" + at + "/ lists the streams", "locked": "access denied", "crowded": "reader limit for one address reached",
		"full": "reader limit reached", "ended": "the stream is not available now", "strange": "reason 499",
	} {
		status, stdout, stderr := runCamview(t, "-o", "-", "camcast://"+at+"/"+name)
		if want := "camview: " + at + ": the broadcaster refuses: " + reason + "\n"; status != 1 || stdout != "" || stderr != want {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want %q", name, status, stdout, stderr, want)
		}
	}
	if status, stdout, stderr := runCamview(t, "camcast://"+at+"/"); status != 0 || stdout != "" || stderr != "" {
		t.Errorf("a list without streams: status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}

// TestFormatOfJoinedStreams reads what a broadcaster says of a stream, or refuses it in a line that can
// be shown.
func TestFormatOfJoinedStreams(t *testing.T) {
	const sets = "sprop-parameter-sets=Z0LADNkH+iMBEAAAAwAQAAADAyDxQqSA,aMuDyyA="
	for _, c := range []struct {
		payloadType          uint8
		encoding, parameters string
		format               media.Format
		sets                 int
		fault                string
	}{
		{26, "", "", media.JPEG, 0, ""},
		{97, "JPEG", "", media.JPEG, 0, ""},
		{96, "H264", "", media.H264, 0, ""},
		{96, "H264", sets, media.H264, 2, ""},
		{96, "H265", "", media.H265, 0, ""},
		{96, "H264", "packetization-mode=2", 0, 0, "packetization-mode=2"},
		{96, "", "", 0, 0, "payload type 96"},
		{96, "AV1\x1b[2J", "", 0, 0, `"AV1\x1b[2J"`},
	} {
		a := &join.Acceptance{Stream: join.Stream{PayloadType: c.payloadType, Encoding: c.encoding}, FormatParameters: c.parameters}
		format, sets, err := formatOf(a)
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%+v: %v", c, err)
			}
		} else if err != nil || format != c.format || len(sets) != c.sets {
			t.Errorf("%+v: %v, %d parameter sets, %v", c, format, len(sets), err)
		}
	}
}
