package main

import (
	"bytes"
	"crypto/tls"
	"image/jpeg"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/camcast/camcast/capture/testcard"
	"github.com/pion/rtp"
)

// client is gortsplib's client, another implementation of all that the daemon does,
// which keeps the numbers of the test cards it is sent.
type client struct {
	t       *testing.T
	rtsp    *gortsplib.Client
	numbers chan uint32
	// silent is closed by the test when frames are no longer looked at.
	silent chan struct{}
}

// newClient connects and sets up, but does not play yet.
func newClient(t *testing.T, address string, protocol gortsplib.Protocol) (*client, error) {
	t.Helper()
	u, err := base.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, numbers: make(chan uint32, 1000), silent: make(chan struct{})}
	c.rtsp = &gortsplib.Client{
		Scheme: u.Scheme, Host: u.Host, Protocol: &protocol, ReadTimeout: 5 * time.Second,
		TLSConfig: &tls.Config{InsecureSkipVerify: true}, // for rtsps://
	}
	if err := c.rtsp.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.rtsp.Close)
	session, _, err := c.rtsp.Describe(u)
	if err != nil {
		return nil, err
	}
	return c, c.setup(session)
}

func (c *client) setup(session *description.Session) error {
	var mjpeg *format.MJPEG
	media := session.FindFormat(&mjpeg)
	if media == nil {
		c.t.Fatal("no MJPEG in the description")
	}
	if _, err := c.rtsp.Setup(session.BaseURL, media, 0, 0); err != nil {
		return err
	}
	decoder, err := mjpeg.CreateDecoder()
	if err != nil {
		c.t.Fatal(err)
	}
	c.rtsp.OnPacketRTP(media, mjpeg, func(packet *rtp.Packet) {
		picture, err := decoder.Decode(packet)
		if err != nil {
			return // more packets are needed, or it began in the middle of a frame
		}
		decoded, err := jpeg.Decode(bytes.NewReader(picture))
		if err != nil {
			c.t.Errorf("picture: %v", err)
			return
		}
		number, _, err := testcard.Read(decoded)
		if err != nil {
			c.t.Errorf("picture: %v", err)
			return
		}
		select {
		case c.numbers <- number:
		case <-c.silent:
		}
	})
	return nil
}

func (c *client) play() {
	c.t.Helper()
	if _, err := c.rtsp.Play(nil); err != nil {
		c.t.Fatal(err)
	}
}

// consecutive takes frames until n are in a row, and fails when there was a gap five times: on a busy
// machine the card skips a frame now and then, or the client loses packets.
func (c *client) consecutive(n int) (last uint32) {
	c.t.Helper()
	deadline := time.After(20 * time.Second)
	for inRow, gaps := 0, 0; inRow < n; {
		select {
		case number := <-c.numbers:
			if inRow++; inRow > 1 && number != last+1 {
				c.t.Logf("frame %d after frame %d", number, last)
				if inRow, gaps = 1, gaps+1; gaps == 5 {
					c.t.Fatalf("no %d frames in a row in %d tries", n, gaps)
				}
			}
			last = number
		case <-deadline:
			c.t.Fatalf("%d frames in a row after 20 s, want %d", inRow, n)
		}
	}
	return last
}

// smallCard has a rate that a busy machine keeps up with: a test card that is late skips frames.
const smallCard = "testcard:?size=320x240&fps=10"

func TestGortsplibPlays(t *testing.T) {
	t.Parallel()
	for name, protocol := range map[string]gortsplib.Protocol{"udp": gortsplib.ProtocolUDP, "tcp": gortsplib.ProtocolTCP} {
		t.Run(name, func(t *testing.T) {
			d := startDaemon(t, smallCard)
			c, err := newClient(t, d.url(), protocol)
			if err != nil {
				t.Fatal(err)
			}
			c.play()
			c.consecutive(20)
			if _, err := c.rtsp.Pause(); err != nil {
				t.Fatalf("PAUSE: %v", err)
			}
			close(c.silent)
			c.rtsp.Close()
			line := d.awaitLog("reader left", "reason=teardown")
			if !strings.Contains(line, "lags=0") {
				t.Error(line)
			}
		})
	}
}

// TestMaxReaders has one reader too many come: it is told so, and those who are there
// notice nothing.
func TestMaxReaders(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "--max-readers", "2", smallCard)
	var readers []*client
	for _, protocol := range []gortsplib.Protocol{gortsplib.ProtocolUDP, gortsplib.ProtocolTCP} {
		c, err := newClient(t, d.url(), protocol)
		if err != nil {
			t.Fatal(err)
		}
		c.play()
		readers = append(readers, c)
		c.consecutive(5)
	}
	for _, protocol := range []gortsplib.Protocol{gortsplib.ProtocolUDP, gortsplib.ProtocolTCP} {
		if _, err := newClient(t, d.url(), protocol); err == nil || !strings.Contains(err.Error(), "453") {
			t.Errorf("the third reader: %v, want 453", err)
		}
	}
	for _, c := range readers {
		c.consecutive(15)
		close(c.silent)
	}
	readers[0].rtsp.Close()
	d.awaitLog("reader left")
	c, err := newClient(t, d.url(), gortsplib.ProtocolUDP)
	if err != nil {
		t.Fatalf("after one has left: %v", err)
	}
	c.play()
	c.consecutive(5)
	close(c.silent)
}

// TestTwoStreams has two sources, each with readers of its own.
func TestTwoStreams(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "left="+smallCard, "right=testcard:?size=640x480&fps=5")
	addresses := announcedURL.FindAllString(d.stdout, -1)
	slices.Sort(addresses)
	for _, address := range slices.Compact(addresses) { // each is in several commands
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if u.Path != "/left" && u.Path != "/right" {
			continue
		}
		c, err := newClient(t, address, gortsplib.ProtocolUDP)
		if err != nil {
			t.Fatal(err)
		}
		c.play()
		c.consecutive(10)
		close(c.silent)
	}
	u, err := base.ParseURL(strings.TrimSuffix(d.url(), "left") + "middle")
	if err != nil {
		t.Fatal(err)
	}
	c := gortsplib.Client{Scheme: u.Scheme, Host: u.Host}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.Describe(u); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a stream that there is not: %v, want 404", err)
	}
}

// TestRefusals sends requests that are wrong, beside a reader who notices nothing.
func TestRefusals(t *testing.T) {
	d := startDaemon(t, smallCard)
	reader, err := newClient(t, d.url(), gortsplib.ProtocolUDP)
	if err != nil {
		t.Fatal(err)
	}
	reader.play()
	reader.consecutive(3)
	u := d.url()
	host := strings.Split(u, "/")[2]
	for _, c := range []struct {
		request string
		want    int
	}{
		{"OPTIONS " + u + " RTSP/1.0\r\nCSeq: 1\r\n\r\n", 200},
		{"OPTIONS " + u + " RTSP/1.0\r\n\r\n", 400},
		{"DESCRIBE rtsp://" + host + "/nothing RTSP/1.0\r\nCSeq: 1\r\n\r\n", 404},
		{"RECORD " + u + " RTSP/1.0\r\nCSeq: 1\r\n\r\n", 405},
		{"PLAY " + u + " RTSP/1.0\r\nCSeq: 1\r\nSession: 1234567890\r\n\r\n", 454},
		{"SETUP " + u + "/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RAW/RAW/UDP\r\n\r\n", 461},
		{"FROBNICATE " + u + " RTSP/1.0\r\nCSeq: 1\r\n\r\n", 501},
		{"OPTIONS " + u + " RTSP/1.0\r\nCSeq: 1\r\nRequire: teleport\r\n\r\n", 551},
	} {
		if status, answer := roundTrip(t, host, c.request); status != c.want {
			t.Errorf("%q: %q, want %d", c.request, answer, c.want)
		}
	}
	reader.consecutive(15)
	close(reader.silent)
}

// roundTrip sends bytes on a connection of its own and returns the answer's status.
func roundTrip(t *testing.T, host, request string) (status int, answer string) {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	answer = string(buffer[:n])
	if fields := strings.Fields(answer); len(fields) > 1 && fields[0] == "RTSP/1.0" {
		status, _ = strconv.Atoi(fields[1])
	}
	return status, answer
}

// TestFileSource plays a folder of pictures once, from the first viewer on, and ends.
func TestFileSource(t *testing.T) {
	t.Parallel()
	folder, numbers := writeCards(t, 40)
	d := startDaemon(t, folder+"?fps=30")
	c, err := newClient(t, d.url(), gortsplib.ProtocolTCP)
	if err != nil {
		t.Fatal(err)
	}
	c.play()
	at := slices.Index(numbers, <-c.numbers)
	if at < 0 || at > 5 {
		t.Fatalf("the first frame is number %d of the folder", at+1)
	}
	for _, want := range numbers[at+1 : 35] {
		if got := <-c.numbers; got != want {
			t.Fatalf("frame %d, want %d", got, want)
		}
	}
	close(c.silent)
	d.awaitLog("stream has ended")
	d.awaitEnd()
}
