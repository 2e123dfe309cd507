//go:build players

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// These tests have other programs write the frames, in each format, to a child's stdout, to stdin and to a
// FIFO. ffmpeg plays the stream: each of its pictures is, bit by bit, the one that was written.

const programFrames = 25

// programs are commands; CLIP is a file of H.264, PICTURES a folder of JPEGs, and FILM a file of the same
// JPEGs, some times over.
var programs = []struct{ name, way, command, transport string }{
	{"FLV by ffmpeg", "exec", "ffmpeg -v error -re -stream_loop -1 -i CLIP -c copy -f flv -", "udp"},
	{"MPEG-TS by ffmpeg", "exec", "ffmpeg -v error -re -stream_loop -1 -i CLIP -c copy -f mpegts -", "tcp"},
	{"Annex B by ffmpeg", "stdin", "ffmpeg -v error -re -stream_loop -1 -i CLIP -c copy -f h264 -", "udp"},
	{"FLV by ffmpeg", "stdin", "ffmpeg -v error -re -stream_loop -1 -i CLIP -c copy -f flv -", "tcp"},
	{"MPEG-TS by ffmpeg", "fifo", "ffmpeg -v error -y -re -stream_loop -1 -i CLIP -c copy -f mpegts FIFO", "udp"},
	{"MJPEG by a shell loop", "exec", "while :; do for i in PICTURES/*; do cat $i; sleep 0.03; done; done", "tcp"},
	{"multipart by GStreamer", "exec", "gst-launch-1.0 -q filesrc location=FILM ! qtdemux ! identity sync=true ! multipartmux ! fdsink", "udp"},
	{"multipart by ffmpeg", "exec", "ffmpeg -v error -re -i FILM -c copy -f mpjpeg -", "tcp"},
	{"MJPEG by ffmpeg", "stdin", "ffmpeg -v error -re -i FILM -c copy -f mjpeg -", "tcp"},
}

// makeFilm makes a folder of JPEGs, and a film of them that takes ten seconds.
func makeFilm(t *testing.T) (folder, film string, c *coded) {
	t.Helper()
	folder, film = t.TempDir(), filepath.Join(t.TempDir(), "film.mov")
	pattern := filepath.Join(folder, "%03d.jpg")
	// With the tables that RTP has, or pictures would be transcoded, of which some are skipped.
	ffmpeg(t, strings.Fields(fmt.Sprintf("-f lavfi -i %s -frames:v %d -c:v mjpeg -huffman default -q:v 3 -pix_fmt yuvj420p -start_number 0 %s", cardsOf320, programFrames, pattern))...)
	ffmpeg(t, strings.Fields(fmt.Sprintf("-stream_loop 9 -framerate 25 -i %s -c copy %s", pattern, film))...)
	c = &coded{}
	var err error
	if c.hashes, err = decode(pattern, nil); err != nil || len(c.hashes) != programFrames {
		t.Fatalf("%d pictures: %v", len(c.hashes), err)
	}
	return folder, film, c
}

func TestProgramsAreSources(t *testing.T) {
	clip := makeCoded(t, coding{"", cardsOf320, "libx264", "keyint=25:bframes=0"}, programFrames)
	looped := filepath.Join(t.TempDir(), "clip.mp4") // which ffmpeg can play again and again
	ffmpeg(t, strings.Fields(fmt.Sprintf("-r 25 -i %s -c copy %s", clip.path, looped))...)
	folder, film, pictures := makeFilm(t)
	for _, p := range programs {
		t.Run(p.name+", "+p.way, func(t *testing.T) {
			t.Parallel()
			fifo := filepath.Join(t.TempDir(), "fifo")
			if err := unix.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			command := strings.NewReplacer("CLIP", looped, "PICTURES", folder, "FILM", film, "FIFO", fifo).Replace(p.command)
			var d *daemon
			switch p.way {
			case "exec":
				d = startDaemon(t, "exec:"+command)
			case "stdin":
				d = startPiped(t, command)
			case "fifo":
				program := exec.Command("sh", "-c", "exec "+command)
				program.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
				if err := program.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					_ = program.Process.Kill()
					_ = program.Wait()
				})
				d = startDaemon(t, fifo)
			}
			out, err := runPlayer([]string{"ffmpeg", "-nostdin", "-v", "error", "-timeout", "5000000", "-rtsp_transport", p.transport, "-i", d.url(),
				"-fps_mode", "passthrough", "-frames:v", fmt.Sprint(2 * programFrames), "-f", "framemd5", "-"}, true)
			if err == nil {
				want := clip
				if strings.Contains(p.command, "PICTURES") || strings.Contains(p.command, "FILM") {
					want = pictures
				}
				err = want.check(pictureHashes(string(out)), true)
			}
			if err != nil {
				t.Errorf("%v\ncamcast says:\n%s", err, d.stderr)
			}
		})
	}
}

// startPiped runs camcast with a program's stdout as stdin. Both end with the test.
func startPiped(t *testing.T, command string) *daemon {
	t.Helper()
	binary, err := camcastBinary()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command("sh", "-c", "exec "+command)
	program.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // when the daemon has ended
		_ = program.Process.Kill()
		_ = program.Wait()
	})
	return launch(t, binary, output, secretsOf(), 1, []string{"-"})
}
