package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
	"golang.org/x/sys/unix"
)

// A large picture that must be transcoded, at the test card's rate: more than a core can do.
const (
	transcodeSide    = 2040
	transcodeFPS     = 30
	transcodeReaders = 100
	transcodePairs   = 5
	transcodeTime    = 8 * time.Second
	// A camera's picture that is encoded to H.264.
	encodeWidth, encodeHeight = 1280, 720
	// mostTranscodeAge is by how much the frames of the other stream may be older.
	mostTranscodeAge = 1.2
	// mostTurnCPU is how much CPU time 999 of 1000 turns of the loop may take.
	mostTurnCPU = 20 * time.Millisecond
	// mostTurnMore is how much more that may be while another stream is encoded.
	mostTurnMore = 5 * time.Millisecond
)

// BenchmarkTranscode has camcast send a test card to a hundred readers, which are camview's, and
// transcode another stream meanwhile, or not, in turns. It reports the median ratio of the ages
// of the card's frames, how many the readers lost, and the CPU time of the loop's turns.
func BenchmarkTranscode(b *testing.B) {
	besideCard(b, func(folder string) string {
		return fmt.Sprintf("odd=%s?fps=%d&loop=1", film(b, folder, transcodeSide, transcodeSide, "1x1"), transcodeFPS)
	}, mostTurnCPU, false)
}

// BenchmarkEncode is the same with a webcam's pictures that are encoded to H.264, and with a limit: another daemon encodes them.
func BenchmarkEncode(b *testing.B) {
	besideCard(b, func(folder string) string {
		return fmt.Sprintf("odd=%s?fps=%d&loop=1&encode=h264", film(b, folder, encodeWidth, encodeHeight, "2x1"), transcodeFPS)
	}, 0, true)
}

// besideCard watches the card in turns alone and beside another stream, whose source is made in a folder. mostTurn
// is how much CPU time 999 of 1000 turns of the loop may take, 0: mostTurnMore than alone. With a limit the card is also watched
// while another daemon has the other stream, which takes as much of this machine's CPU and nothing of the card's daemon.
func besideCard(b *testing.B, other func(folder string) string, mostTurn time.Duration, hasLimit bool) {
	b.Run(fmt.Sprintf("net=lo/readers=%d", transcodeReaders), func(b *testing.B) {
		programs := b.TempDir()
		if out, err := exec.Command("go", "build", "-o", programs, "../cmd/camcast", "../cmd/camview").CombinedOutput(); err != nil {
			b.Fatalf("go build: %v\n%s", err, out)
		}
		source := other(programs)
		r := needRig(b, "lo")
		for range b.N {
			var alone, beside, limit []cardSeen
			for range transcodePairs {
				alone = append(alone, watchCard(b, r, programs))
				beside = append(beside, watchCard(b, r, programs, source))
				if hasLimit {
					limit = append(limit, watchLimit(b, r, programs, source))
				}
			}
			reportCards(b, alone, beside, limit, mostTurn)
		}
		b.ReportMetric(0, "ns/op")
	})
}

// reportCards compares each run with the one before it, and with the limit, if there is one: where this machine cannot have
// the card's frames as young as alone, the ratio to the limit of the same round counts.
func reportCards(b *testing.B, alone, beside, limit []cardSeen, mostTurn time.Duration) {
	var ratios, before, after, overLimit []float64
	var sum, lostAlone cardSeen
	for i, with := range beside {
		ratios = append(ratios, with.age99/alone[i].age99)
		before, after = append(before, alone[i].age99), append(after, with.age99)
		if limit != nil {
			overLimit = append(overLimit, with.age99/limit[i].age99)
		}
		sum.add(with)
		lostAlone.add(alone[i])
	}
	ratio := median(ratios)
	judged := ratio
	if limit != nil {
		judged = min(ratio, median(overLimit))
		b.ReportMetric(median(overLimit), "age99-over-limit")
	}
	if mostTurn == 0 {
		mostTurn = lostAlone.turnCPU + mostTurnMore
	}
	switch {
	case sum.lost > 0 && lostAlone.lost == 0:
		b.Errorf("%d frames of the card were lost beside the other stream", sum.lost)
	case judged > mostTranscodeAge:
		b.Errorf("the card's frames are %.2f times as old beside the other stream, want at most %v", ratio, mostTranscodeAge)
	case sum.turnCPU > mostTurn:
		b.Errorf("turns of the loop took up to %v of CPU time (p99.9), want at most %v", sum.turnCPU, mostTurn)
	}
	if b.Failed() {
		b.Logf("alone %+v; beside %+v; limit %+v", alone, beside, limit)
	}
	b.ReportMetric(ratio, "age99-ratio")
	b.ReportMetric(median(before), "age99-alone-ms")
	b.ReportMetric(median(after), "age99-beside-ms")
	b.ReportMetric(float64(sum.frames), "frames")
	b.ReportMetric(float64(sum.lost), "lost-beside")
	b.ReportMetric(float64(lostAlone.lost), "lost-alone")
	b.ReportMetric(float64(sum.transcoded), "transcoded")
	b.ReportMetric(float64(sum.other), "frames-of-other")
	b.ReportMetric(milliseconds(lostAlone.turnCPU), "turn-cpu99.9-alone-ms")
	b.ReportMetric(milliseconds(sum.turnCPU), "turn-cpu99.9-beside-ms")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// cardSeen is what the readers of the card have seen, and what the daemon says.
type cardSeen struct {
	frames, lost, transcoded uint64
	other                    uint64        // frames that the other stream's reader got
	age99                    float64       // in ms
	turnCPU                  time.Duration // p99.9
}

func (c *cardSeen) add(o cardSeen) {
	c.frames, c.lost, c.transcoded, c.other = c.frames+o.frames, c.lost+o.lost, c.transcoded+o.transcoded, c.other+o.other
	c.turnCPU = max(c.turnCPU, o.turnCPU)
}

var (
	turnCPU    = regexp.MustCompile(`CPU per turn: .*p99\.9 (\S+),`)
	transcoded = regexp.MustCompile(`odd: .* (\d+) transcoded`)
)

// watchCard runs the daemon and the readers once. The other stream, if there is one, has one reader.
func watchCard(b *testing.B, r *rig.Rig, programs string, others ...string) (seen cardSeen) {
	b.Helper()
	daemon, figures := startDaemon(b, r, programs, model.RTSPPort, append([]string{"card=testcard:"}, others...)...)
	var other *exec.Cmd
	var otherSays bytes.Buffer
	if len(others) > 0 {
		other = viewers(r, programs, model.RTSPPort, "odd", 1, transcodeTime+time.Minute) // it ends with the daemon
		other.Stdout = &otherSays
		must(b, other.Start())
	}
	readers := viewers(r, programs, model.RTSPPort, "card", transcodeReaders, transcodeTime)
	readers.Stderr = os.Stderr
	out, err := readers.Output()
	must(b, err)
	must(b, daemon.Process.Signal(unix.SIGTERM))
	must(b, daemon.Wait())
	if other != nil {
		must(b, other.Process.Signal(unix.SIGTERM))
		_ = other.Wait() // it says that the server has gone
	}

	type figuresOf struct {
		Served int    `json:"readers_served"`
		Frames uint64 `json:"frames"`
		Lost   uint64 `json:"frames_lost"`
		Age    struct {
			P99 float64 `json:"p99"`
		} `json:"age_ms"`
	}
	var summary, otherSummary figuresOf
	must(b, json.Unmarshal(out, &summary))
	if summary.Served != transcodeReaders || summary.Age.P99 == 0 {
		b.Fatalf("%d of %d readers got pictures: %s", summary.Served, transcodeReaders, out)
	}
	seen = cardSeen{frames: summary.Frames, lost: summary.Lost, age99: summary.Age.P99}
	turn := turnCPU.FindStringSubmatch(figures.String())
	if turn == nil {
		b.Fatalf("no CPU time of turns in %q", figures.String())
	}
	seen.turnCPU, err = time.ParseDuration(turn[1])
	must(b, err)
	if count := transcoded.FindStringSubmatch(figures.String()); count != nil {
		seen.transcoded, err = strconv.ParseUint(count[1], 10, 64)
		must(b, err)
	}
	if other != nil {
		must(b, json.Unmarshal(otherSays.Bytes(), &otherSummary))
		if seen.other = otherSummary.Frames; seen.other == 0 {
			b.Fatalf("the other stream has sent nothing: %s", figures.String())
		}
	}
	return seen
}

// watchLimit is watchCard beside another daemon that has the other stream.
func watchLimit(b *testing.B, r *rig.Rig, programs, source string) (seen cardSeen) {
	b.Helper()
	const port = model.RTSPPort + 1
	daemon, _ := startDaemon(b, r, programs, port, source)
	other := viewers(r, programs, port, "odd", 1, transcodeTime+time.Minute)
	must(b, other.Start())
	seen = watchCard(b, r, programs)
	must(b, daemon.Process.Signal(unix.SIGTERM))
	must(b, daemon.Wait())
	must(b, other.Process.Signal(unix.SIGTERM))
	_ = other.Wait() // it says that the server has gone
	return seen
}

// startDaemon starts camcast with sources, and waits until they are open. Its figures come when it ends.
func startDaemon(b *testing.B, r *rig.Rig, programs string, port int, sources ...string) (daemon *exec.Cmd, figures *bytes.Buffer) {
	b.Helper()
	args := append([]string{filepath.Join(programs, "camcast"), "--log-level", "warn", "--http", "off",
		"--rtsp", fmt.Sprintf("127.0.0.1:%d", port), "--rtp", "127.0.0.1:0"}, sources...)
	args = rig.Command(r.Near, -1, args...)
	daemon, figures = exec.Command(args[0], args[1:]...), new(bytes.Buffer)
	daemon.Stderr = figures
	says, err := daemon.StdoutPipe()
	must(b, err)
	must(b, daemon.Start())
	lines := bufio.NewScanner(says)
	for ready := false; !ready && lines.Scan(); {
		ready = strings.Contains(lines.Text(), "rtsp://")
	}
	go func() { _, _ = io.Copy(io.Discard, says) }()
	return daemon, figures
}

// viewers are readers of a stream for some time.
func viewers(r *rig.Rig, programs string, port int, stream string, readers int, within time.Duration) *exec.Cmd {
	args := rig.Command(r.Near, -1, filepath.Join(programs, "camview"), "--json", "--readers", strconv.Itoa(readers), "--buffer", "0",
		"--duration", within.String(), fmt.Sprintf("rtsp://127.0.0.1:%d/%s", port, stream))
	return exec.Command(args[0], args[1:]...)
}

// film writes two pictures with some noise, so that they have as many bytes as a photo, and colours of one
// sampling. Those of 4:4:4 (1x1) RTP cannot carry.
func film(b *testing.B, folder string, width, height int, sampling string) (path string) {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var film []byte
	for n := range 2 {
		ppm := fmt.Appendf(nil, "P6 %d %d 255\n", width, height)
		for i := range width * height {
			x, y := i%width, i/width
			noise := random.IntN(32)
			ppm = append(ppm, byte(x/10+noise), byte(y/10+noise), byte((x+y+100*n)/20+noise))
		}
		cmd := exec.Command("cjpeg", "-sample", sampling, "-quality", "85")
		cmd.Stdin = bytes.NewReader(ppm)
		picture, err := cmd.Output()
		if err != nil {
			skip(b, "absent: transcoding needs Debian's package libjpeg-turbo-progs: "+strings.TrimSpace(err.Error()))
		}
		film = append(film, picture...)
	}
	path = filepath.Join(folder, "film.mjpeg")
	must(b, os.WriteFile(path, film, 0o644))
	return path
}
