package attack

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/cast/secrettest"
	"github.com/camcast/camcast/proto/join"
)

// target is what is attacked, or discards. Viewers watch stream. rtsps is valid if the daemon has TLS, http if it answers HTTP, and password,
// which joinKey is made of, is not empty if it has --auth.
type target struct {
	rtsp, rtsps, http, rtp, rtcp netip.AddrPort
	stream, password             string
	// coded: the stream is H.264; keeper learns when its frames were taken, if it is not nil.
	coded   bool
	keeper  *timekeeper
	joinKey join.Key
}

// url is that of a stream.
func (t target) url(stream string) string { return fmt.Sprintf("rtsp://%v/%s", t.rtsp, stream) }

// camcast is the daemon, built once, or the one that CAMCAST_BINARY names.
var camcast = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("CAMCAST_BINARY"); path != "" {
		return path, nil
	}
	var err error
	if buildFolder, err = os.MkdirTemp("", "camcast-attack-"); err != nil {
		return "", err
	}
	path := filepath.Join(buildFolder, "camcast")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/camcast").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// buildFolder is where camcast has built it, "" if it has not.
var buildFolder string

// asDiscarder, in the environment, makes the test program the process that discards.
const asDiscarder = "CAMCAST_ATTACK_DISCARD"

func TestMain(m *testing.M) {
	if os.Getenv(asDiscarder) != "" {
		discard()
		return
	}
	rig.Enclose()
	status := m.Run()
	if buildFolder != "" {
		os.RemoveAll(buildFolder)
	}
	os.Exit(status)
}

// discard takes all that comes to a TCP port and two UDP ports, and says on stdout which ones, until
// stdin is closed.
func discard() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	rtp, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(err)
	rtcp, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr(), rtp.LocalAddr(), rtcp.LocalAddr())
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				continue // out of descriptors: one will be closed
			}
			go func() {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}()
		}
	}()
	for _, socket := range []net.PacketConn{rtp, rtcp} {
		go func() {
			for p := make([]byte, 65536); ; {
				_, _, _ = socket.ReadFrom(p)
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// startDiscarder starts the process that discards.
func startDiscarder(t *testing.T) target {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asDiscarder+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var to target
	fields := strings.Fields(line)
	for i, a := range []*netip.AddrPort{&to.rtsp, &to.rtp, &to.rtcp} {
		*a = netip.MustParseAddrPort(fields[i])
	}
	to.rtsps, to.http = to.rtsp, to.rtsp
	return to
}

// daemon is a running camcast.
type daemon struct {
	target
	cmd    *exec.Cmd
	stderr *text
	deaf   bool
	ended  chan struct{} // closed when stderr is
	// secrets are what it must not print.
	secrets *secrettest.Secrets
}

// text is an output that is read while it is written.
type text struct {
	mutex sync.Mutex
	all   bytes.Buffer
}

func (x *text) Write(p []byte) (int, error) {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.all.Write(p)
}

func (x *text) String() string {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return x.all.String()
}

// surroundings are how a daemon is run.
type surroundings struct {
	args []string
	// card is the test card that it streams, 320x240 if it is empty.
	card string
	// files is how many descriptors it may have; 0: as many as the test.
	files int
	// deaf: nobody reads its stderr before it is stopped.
	deaf bool
	// tls: it serves rtsps://, too, and one viewer in four watches by that.
	tls bool
	// http: it answers HTTP.
	http bool
	// webrtc: it has a stream film of H.264, too, which one viewer in four watches by WebRTC.
	webrtc bool
	// passwords: who watches has to prove a password.
	passwords bool
	// alone: no other attack runs at the same time.
	alone bool
}

var (
	announcedRTSP  = regexp.MustCompile(`rtsp://([0-9.:]+)/cam\b`)
	announcedRTSPS = regexp.MustCompile(`rtsps://([0-9.:]+)/cam\b`)
	announcedHTTP  = regexp.MustCompile(`http://([0-9.:]+)/cam\.mjpg`)
	announcedJoin  = regexp.MustCompile(`camcast://([0-9.:]+)/cam\b`)
)

// startDaemon runs camcast on free ports of 127.0.0.1, with a stream cam of 30 frames a second.
func startDaemon(t *testing.T, s surroundings) *daemon {
	t.Helper()
	path, err := camcast()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{path, "--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", "--http", "off", "--log-level", "debug"}, s.args...)
	secrets := secrettest.New()
	if s.tls {
		flags := certificateFlags(t, path)
		addFile(t, secrets, flags[len(flags)-1])
		args = append(args, flags...)
	}
	if s.http {
		args = append(args, "--http", "127.0.0.1:0")
	}
	var proof target
	if s.passwords {
		proof = newUser(t)
		file := usersFile(t, path, proof.password)
		addFile(t, secrets, file)
		secrets.AddWords(proof.password)
		args = append(args, "--auth", file)
	}
	if s.card == "" {
		s.card = "size=320x240"
	}
	args = append(args, "cam=testcard:?"+s.card)
	if s.webrtc {
		args = append(args, filmed)
	}
	if s.files > 0 {
		args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, s.files), "sh"}, args...)
	}
	proof.stream = "cam"
	d := &daemon{target: proof, cmd: exec.Command(args[0], args[1:]...), stderr: &text{}, deaf: s.deaf, ended: make(chan struct{}), secrets: secrets}
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} // where the tests are not enclosed
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := func() {
		defer close(d.ended)
		_, _ = io.Copy(d.stderr, stderr)
	}
	if !s.deaf {
		go read()
	}
	t.Cleanup(func() {
		if s.deaf {
			go read()
		}
		d.stop(t)
	})
	d.readAnnouncement(t, stdout, s)
	return d
}

// addFile adds the secrets of a file.
func addFile(t *testing.T, secrets *secrettest.Secrets, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	secrets.AddFile(string(text))
}

// certificateFlags has the daemon's program make a certificate, and returns the flags that serve it.
func certificateFlags(t *testing.T, path string) []string {
	t.Helper()
	folder := t.TempDir()
	if out, err := exec.Command(path, "certificate", "--host", "127.0.0.1", "--out", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return []string{"--rtsps", "127.0.0.1:0", "--tls-cert", filepath.Join(folder, "cert.pem"), "--tls-key", filepath.Join(folder, "key.pem")}
}

// readAnnouncement learns the ports.
func (d *daemon) readAnnouncement(t *testing.T, stdout io.Reader, s surroundings) {
	t.Helper()
	lines, announced := bufio.NewReader(stdout), ""
	for announcedRTSP.FindString(announced) == "" || announcedJoin.FindString(announced) == "" || s.tls && announcedRTSPS.FindString(announced) == "" ||
		s.http && announcedHTTP.FindString(announced) == "" {
		line, err := lines.ReadString('\n')
		if announced += line; err != nil {
			t.Fatalf("camcast ended before it announced anything: %s%s", announced, d.stderr)
		}
	}
	go io.Copy(io.Discard, lines)
	d.rtsp = netip.MustParseAddrPort(announcedRTSP.FindStringSubmatch(announced)[1])
	if s.http {
		d.http = netip.MustParseAddrPort(announcedHTTP.FindStringSubmatch(announced)[1])
	}
	if s.tls {
		d.rtsps = netip.MustParseAddrPort(announcedRTSPS.FindStringSubmatch(announced)[1])
	}
	d.rtp = netip.MustParseAddrPort(announcedJoin.FindStringSubmatch(announced)[1])
	d.rtcp = netip.AddrPortFrom(d.rtp.Addr(), d.rtp.Port()+1)
}

// stop ends the daemon as a person would. That it ends well is a part of each test.
func (d *daemon) stop(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	<-d.ended
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("camcast: %v\n%s", err, d.stderr)
	}
	d.secrets.Check(t, []byte(d.stderr.String()))
	if *full && !d.deaf {
		d.checkTurns(t)
	}
	if t.Failed() {
		said := d.stderr.String()
		t.Logf("the daemon says:\n%s", said[max(0, len(said)-4000):])
	}
}

// turnTimes is what the daemon prints at its end of the CPU time of its turns.
var turnTimes = regexp.MustCompile(`CPU per turn: p50 [^,]+, p99\.9 ([^,]+),`)

// mostTurn is how much CPU time 99.9 % of the turns may take.
const mostTurn = 20 * time.Millisecond

// checkTurns judges how long the turns of the daemon's loop have taken.
func (d *daemon) checkTurns(t *testing.T) {
	t.Helper()
	m := turnTimes.FindStringSubmatch(d.stderr.String())
	if m == nil {
		t.Error("the daemon does not say how much CPU time its turns have taken")
		return
	}
	took, err := time.ParseDuration(m[1])
	if err != nil || took > mostTurn {
		t.Errorf("99.9 %% of the turns took up to %s of CPU time, want %v (%v)", m[1], mostTurn, err)
	}
}
