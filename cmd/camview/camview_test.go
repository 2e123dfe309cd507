package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/cast/secrettest"
)

// camviewBinary is the viewer under test, built once per run.
var camviewBinary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("CAMVIEW_BINARY"); path != "" {
		return path, nil
	}
	folder, err := os.MkdirTemp("", "camview-test-")
	if err != nil {
		return "", err
	}
	built = folder
	path := filepath.Join(folder, "camview")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// built is the folder that camviewBinary has made, empty if it has made none: no test of a run, such as
// one that fuzzes, need want it.
var built string

func TestMain(m *testing.M) {
	rig.Enclose()
	status := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(status)
}

// patience is how long anything may take on a busy machine.
const patience = time.Minute

// camview is the command, ended when it takes too long.
func camview(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := camviewBinary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // where the tests are not enclosed
	return cmd
}

// runCamview runs the viewer to its end.
func runCamview(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := camview(t, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	secrets := secrettest.New()
	secrets.AddURLs(args...)
	secrets.Check(t, errOut.Bytes())
	if utf8.Valid(out.Bytes()) { // else it is pictures
		secrets.Check(t, out.Bytes())
	}
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

// nextPicture reads the next picture of a stream of JPEGs, which end where the next begins:
// none of a test card has the bytes of an end in its scan.
func nextPicture(r *bufio.Reader) ([]byte, error) {
	var jpeg []byte
	for !bytes.HasSuffix(jpeg, []byte{0xff, 0xd9}) {
		b, err := r.ReadByte()
		if err != nil {
			if err == io.EOF && len(jpeg) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return jpeg, err
		}
		jpeg = append(jpeg, b)
	}
	return jpeg, nil
}

// cardNumber decodes a picture and reads the number in it.
func cardNumber(t *testing.T, data []byte) uint32 {
	t.Helper()
	picture, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	number, _, err := testcard.Read(picture)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// numbersIn reads the numbers of all pictures of a stream of JPEGs.
func numbersIn(t *testing.T, stream []byte) (numbers []uint32) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(stream))
	for {
		data, err := nextPicture(r)
		if err == io.EOF {
			return numbers
		}
		if err != nil {
			t.Fatalf("after %d pictures: %v", len(numbers), err)
		}
		numbers = append(numbers, cardNumber(t, data))
	}
}

// checkNumbers fails unless there are want numbers, each higher than the one before: on a
// busy machine the card itself leaves some out.
func checkNumbers(t *testing.T, numbers []uint32, want int) {
	t.Helper()
	if len(numbers) != want {
		t.Errorf("%d pictures, want %d", len(numbers), want)
	}
	for i, n := range numbers {
		if i > 0 && n <= numbers[i-1] {
			t.Fatalf("picture %d is number %d, and the one before it %d", i, n, numbers[i-1])
		}
	}
}

// parseSummary reads what --json prints.
func parseSummary(t *testing.T, text string) (s summary) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return s
}

func containsAll(text string, words ...string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// TestPipe plays from both servers, by each transport, into a pipe.
func TestPipe(t *testing.T) {
	own, other := startBroadcast(t, "cam"), startOther(t, true)
	refusing := startOther(t, false)
	for name, args := range map[string][]string{
		"camcast udp":   {"--transport", "udp", own.url("cam")},
		"camcast tcp":   {"--transport", "tcp", own.url("cam")},
		"camcast join":  {own.joinURL("cam")},
		"gortsplib udp": {"--transport", "udp", other},
		"gortsplib tcp": {"--transport", "tcp", other},
		"UDP refused":   {refusing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := runCamview(t, append(args, "--frames", "40", "--json", "-o", "-")...)
			s := parseSummary(t, stderr)
			if status != 0 || s.PacketsLost+s.PacketsSkipped != 0 || s.Lags != 0 || s.ReadersServed != 1 || s.Frames < 40 {
				t.Errorf("status %d: %s", status, stderr)
			}
			checkNumbers(t, numbersIn(t, []byte(stdout)), 40)
		})
	}
}

// TestFiles writes a clip and a photograph.
func TestFiles(t *testing.T) {
	url, folder := startBroadcast(t, "cam").url("cam"), t.TempDir()
	clip, photo := filepath.Join(folder, "clip.mjpeg"), filepath.Join(folder, "frame.jpg")
	if status, stdout, stderr := runCamview(t, "-o", photo, url); status != 0 || stdout != "" || stderr != "" {
		t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
	}
	checkNumbers(t, numbersIn(t, []byte(content(t, photo))), 1)
	if status, _, stderr := runCamview(t, "-o", clip, "--frames", "10", url); status != 0 {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
	checkNumbers(t, numbersIn(t, []byte(content(t, clip))), 10)
	for _, file := range []string{"clip.mjpeg", "frame.jpg"} {
		status, _, stderr := runCamview(t, "-o", filepath.Join(clip, file), url)
		if status != 1 || !containsAll(stderr, file, "not a directory") {
			t.Errorf("%s in a file: status %d, %q", file, status, stderr)
		}
	}
}

// TestReaderOfPipeEnds has enough after five pictures: the viewer ends without a word.
func TestReaderOfPipeEnds(t *testing.T) {
	cmd := camview(t, "-o", "-", startBroadcast(t, "cam").url("cam"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(stdout)
	for range 5 {
		if _, err := nextPicture(r); err != nil {
			t.Fatal(err)
		}
	}
	stdout.Close()
	if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("%v, stderr %q", err, stderr.String())
	}
}

// TestFiftyReaders has fifty readers in one process, by each transport.
func TestFiftyReaders(t *testing.T) {
	b := startBroadcast(t, "cam")
	for name, args := range map[string][]string{
		"udp": {"--transport", "udp", b.url("cam")}, "tcp": {"--transport", "tcp", b.url("cam")}, "join": {b.joinURL("cam")},
	} {
		status, stdout, stderr := runCamview(t, append(args, "--readers", "50", "--frames", "30", "--json")...)
		s := parseSummary(t, stdout)
		if status != 0 || s.Readers != 50 || s.ReadersServed != 50 || s.Frames < 50*30 || s.PacketsLost+s.PacketsSkipped != 0 || s.Packets < s.Frames {
			t.Errorf("%s: status %d, %s%s", name, status, stdout, stderr)
		}
		if s.Jitter == nil || s.RoundTrip == nil || *s.RoundTrip <= 0 {
			t.Errorf("%s: no jitter or round trip in %s", name, stdout)
		}
		b.awaitReaders(0)
	}
}
