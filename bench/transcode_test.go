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
	// mostTranscodeAge is by how much the frames of the other stream may be older.
	mostTranscodeAge = 1.2
	// mostTurnCPU is how much CPU time 999 of 1000 turns of the loop may take.
	mostTurnCPU = 20 * time.Millisecond
)

// BenchmarkTranscode has camcast send a test card to a hundred readers, which are camview's, and
// transcode another stream meanwhile, or not, in turns. It reports the median ratio of the ages
// of the card's frames, how many the readers lost, and the CPU time of the loop's turns.
func BenchmarkTranscode(b *testing.B) {
	b.Run(fmt.Sprintf("net=lo/readers=%d", transcodeReaders), func(b *testing.B) {
		programs := b.TempDir()
		if out, err := exec.Command("go", "build", "-o", programs, "../cmd/camcast", "../cmd/camview").CombinedOutput(); err != nil {
			b.Fatalf("go build: %v\n%s", err, out)
		}
		pictures := filepath.Join(programs, "odd.mjpeg")
		must(b, os.WriteFile(pictures, pictures444(b), 0o644))
		r := needRig(b, "lo")
		for range b.N {
			var alone, beside []cardSeen
			for range transcodePairs {
				alone = append(alone, watchCard(b, r, programs))
				beside = append(beside, watchCard(b, r, programs, fmt.Sprintf("odd=%s?fps=%d&loop=1", pictures, transcodeFPS)))
			}
			reportCards(b, alone, beside)
		}
		b.ReportMetric(0, "ns/op")
	})
}

// reportCards compares each run with the one before it.
func reportCards(b *testing.B, alone, beside []cardSeen) {
	var ratios, before, after []float64
	var sum, lostAlone cardSeen
	for i, with := range beside {
		ratios = append(ratios, with.age99/alone[i].age99)
		before, after = append(before, alone[i].age99), append(after, with.age99)
		sum.add(with)
		lostAlone.add(alone[i])
	}
	ratio := median(ratios)
	switch {
	case sum.lost > 0 && lostAlone.lost == 0:
		b.Errorf("%d frames of the card were lost while another stream was transcoded", sum.lost)
	case ratio > mostTranscodeAge:
		b.Errorf("the card's frames are %.2f times as old while another stream is transcoded, want at most %v", ratio, mostTranscodeAge)
	case sum.turnCPU > mostTurnCPU:
		b.Errorf("turns of the loop took up to %v of CPU time (p99.9), want at most %v", sum.turnCPU, mostTurnCPU)
	}
	if b.Failed() {
		b.Logf("alone %+v; beside %+v", alone, beside)
	}
	b.ReportMetric(ratio, "age99-ratio")
	b.ReportMetric(median(before), "age99-alone-ms")
	b.ReportMetric(median(after), "age99-beside-ms")
	b.ReportMetric(float64(sum.frames), "frames")
	b.ReportMetric(float64(sum.lost), "lost-beside")
	b.ReportMetric(float64(lostAlone.lost), "lost-alone")
	b.ReportMetric(float64(sum.transcoded), "transcoded")
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
	age99                    float64       // in ms
	turnCPU                  time.Duration // p99.9
}

func (c *cardSeen) add(o cardSeen) {
	c.frames, c.lost, c.transcoded = c.frames+o.frames, c.lost+o.lost, c.transcoded+o.transcoded
	c.turnCPU = max(c.turnCPU, o.turnCPU)
}

var (
	turnCPU    = regexp.MustCompile(`CPU per turn: .*p99\.9 (\S+),`)
	transcoded = regexp.MustCompile(`odd: .* (\d+) transcoded`)
)

// watchCard runs the daemon and the readers once. The other stream, if there is one, has one reader.
func watchCard(b *testing.B, r *rig.Rig, programs string, others ...string) (seen cardSeen) {
	b.Helper()
	args := append([]string{filepath.Join(programs, "camcast"), "--log-level", "warn",
		"--rtsp", fmt.Sprintf("127.0.0.1:%d", model.RTSPPort), "--rtp", "127.0.0.1:0", "card=testcard:"}, others...)
	args = rig.Command(r.Near, -1, args...)
	daemon := exec.Command(args[0], args[1:]...)
	var figures bytes.Buffer
	daemon.Stderr = &figures
	says, err := daemon.StdoutPipe()
	must(b, err)
	must(b, daemon.Start())
	lines := bufio.NewScanner(says)
	for ready := false; !ready && lines.Scan(); { // the sources are open, then
		ready = strings.Contains(lines.Text(), "rtsp://")
	}
	go func() { _, _ = io.Copy(io.Discard, says) }()
	watch := func(stream string, readers int, within time.Duration) *exec.Cmd {
		args := rig.Command(r.Near, -1, filepath.Join(programs, "camview"), "--json", "--readers", strconv.Itoa(readers), "--buffer", "0",
			"--duration", within.String(), fmt.Sprintf("rtsp://127.0.0.1:%d/%s", model.RTSPPort, stream))
		return exec.Command(args[0], args[1:]...)
	}
	var other *exec.Cmd
	if len(others) > 0 {
		other = watch("odd", 1, transcodeTime+time.Minute) // it ends with the daemon
		must(b, other.Start())
	}
	readers := watch("card", transcodeReaders, transcodeTime)
	readers.Stderr = os.Stderr
	out, err := readers.Output()
	must(b, err)
	must(b, daemon.Process.Signal(unix.SIGTERM))
	must(b, daemon.Wait())
	if other != nil {
		must(b, other.Process.Signal(unix.SIGTERM))
		_ = other.Wait() // it says that the server has gone
	}

	var summary struct {
		Served int    `json:"readers_served"`
		Frames uint64 `json:"frames"`
		Lost   uint64 `json:"frames_lost"`
		Age    struct {
			P99 float64 `json:"p99"`
		} `json:"age_ms"`
	}
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
	if other != nil && seen.transcoded == 0 {
		b.Fatalf("nothing was transcoded: %s", figures.String())
	}
	return seen
}

// pictures444 are two pictures that RTP cannot carry: 4:4:4, with some noise, so that they have as
// many bytes as a photo.
func pictures444(b *testing.B) (film []byte) {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 2 {
		ppm := fmt.Appendf(nil, "P6 %d %d 255\n", transcodeSide, transcodeSide)
		for i := range transcodeSide * transcodeSide {
			x, y := i%transcodeSide, i/transcodeSide
			noise := random.IntN(32)
			ppm = append(ppm, byte(x/10+noise), byte(y/10+noise), byte((x+y+100*n)/20+noise))
		}
		cmd := exec.Command("cjpeg", "-sample", "1x1", "-quality", "85")
		cmd.Stdin = bytes.NewReader(ppm)
		picture, err := cmd.Output()
		if err != nil {
			skip(b, "absent: transcoding needs Debian's package libjpeg-turbo-progs: "+strings.TrimSpace(err.Error()))
		}
		film = append(film, picture...)
	}
	return film
}
