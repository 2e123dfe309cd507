//go:build cgo

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"syscall"
	"time"

	"github.com/bluenviron/gortsplib/v5"
)

const (
	// unplugged is how long one of the two cameras is unplugged.
	unplugged = 30 * time.Second
	// comeLimit is how soon a camera must play that has come.
	comeLimit = 5 * time.Second
)

// The ports that the webcams are plugged into.
const (
	benchPort = iota
	camPort
	latePort // plugged in last
)

// checkPair is one daemon with two cameras, of which one is unplugged for a while, and a
// third that comes late. The reader of the first must not notice.
func checkPair() error {
	var webcams []*process
	for _, port := range []int{benchPort, camPort} {
		webcam, err := plugInto(port, unplugged)
		if err != nil {
			return err
		}
		webcams = append(webcams, webcam)
	}
	d, err := startDaemonBy(traceDevices,
		"bench="+deviceAt(benchPort)+"?size=640x480",
		firstStream+"="+deviceAt(camPort)+"?size=320x240",
		"late="+deviceAt(latePort)+"?size=320x240")
	if err != nil {
		return err
	}
	bench, err := follow(d, "bench", "640x480")
	if err != nil {
		return err
	}
	if err := wantAbsent("late"); err != nil {
		return err
	}
	if err := checkUnplugged(d, webcams[camPort]); err != nil {
		return err
	}
	if err := checkLate(d); err != nil {
		return err
	}
	if err := bench.finish(d); err != nil {
		return fmt.Errorf("the camera that stays: %w", err)
	}
	if err := d.stop(); err != nil {
		return err
	}
	return checkDeviceCalls(d.cmd.Process.Pid)
}

// checkUnplugged unplugs one of the cameras for a while, and wants its reader to go on when
// it is plugged in again.
func checkUnplugged(d, webcam *process) error {
	c, err := play(gortsplib.ProtocolTCP)
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := c.next(); err != nil {
		return err
	}
	if err := webcam.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return err
	}
	if _, err := d.await("source is lost", "stream="+firstStream); err != nil {
		return err
	}
	before, err := d.askFiguresOf("bench")
	if err != nil {
		return err
	}
	if _, err := webcam.await("plugged in"); err != nil {
		return err
	}
	after, err := d.askFiguresOf("bench")
	if err != nil {
		return err
	}
	saw("unplugged for %v: meanwhile the other camera has delivered %d frames (the driver left out %d)",
		unplugged, after.frames-before.frames, after.missing-before.missing)
	if err := awaitFile(deviceAt(camPort)); err != nil {
		return err
	}
	came := time.Now()
	for len(c.pictures) > 0 { // from before
		<-c.pictures
	}
	return wantPictures(c, came, "plugged in again: the same reader goes on")
}

// checkLate plugs in the camera that the daemon has waited for since it started.
func checkLate(d *process) error {
	if err := wantAbsent("late"); err != nil {
		return err
	}
	if _, err := plugInto(latePort, unplugged); err != nil {
		return err
	}
	came := time.Now()
	if _, err := d.await("source is open", "stream=late"); err != nil {
		return err
	}
	c, err := playStream("late", gortsplib.ProtocolUDP)
	if err != nil {
		return err
	}
	defer c.close()
	return wantPictures(c, came, "absent at start, its readers told 503: plays")
}

// wantPictures wants pictures soon after a camera has come.
func wantPictures(c *client, came time.Time, what string) error {
	if _, err := c.next(); err != nil {
		return err
	}
	took := time.Since(came)
	if took > comeLimit {
		return fmt.Errorf("%s after %v, which must be %v at most", what, took, comeLimit)
	}
	for i := range 10 {
		if _, err := c.next(); err != nil {
			return fmt.Errorf("%s, but not after %d pictures: %w", what, i+1, err)
		}
	}
	saw("%s %.1f s after its device is there", what, took.Seconds())
	return nil
}

// wantAbsent wants a reader of a stream to be told to come back.
func wantAbsent(stream string) error {
	conn, err := net.Dial("tcp", serving)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	fmt.Fprintf(conn, "DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\n\r\n", urlOf(stream))
	answer := textproto.NewReader(bufio.NewReader(conn))
	status, err := answer.ReadLine()
	if err != nil {
		return err
	}
	header, err := answer.ReadMIMEHeader()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(status, "RTSP/1.0 503 ") || header.Get("Retry-After") == "" {
		return fmt.Errorf("DESCRIBE of an absent camera: %q %v, want 503 with Retry-After", status, header)
	}
	return nil
}
