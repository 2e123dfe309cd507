// Command versus measures the camcast daemon beside a gortsplib server (the core of
// mediamtx): the same picture, the same packets, the same RTSP/UDP readers on loopback.
// versus.sh builds the daemon and runs it.
//
//	versus -camcast PATH [-readers 600] [-read 20] [-fps 10] [-seconds 10] [-rounds 3]
//
// It fails if camcast does not need less by far. It prints, per server, the CPU time of the server per reader and frame, its memory per
// reader, and how many of the packets arrived. On loopback the kernel delivers a packet on
// the sender's time, and wakes its reader: that is no cost of the server's, so by default
// only some readers read. -read 600 has all of them read.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"

	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/proto/jpeg"
)

var (
	camcastPath = flag.String("camcast", "", "the daemon's `PATH`")
	readers     = flag.Int("readers", 600, "number of RTSP/UDP readers")
	read        = flag.Int("read", 20, "number of readers whose sockets are read; those of the others stay full")
	fps         = flag.Int("fps", 10, "frames per second")
	seconds     = flag.Int("seconds", 10, "how long to measure")
	rounds      = flag.Int("rounds", 3, "how often to measure each, in turn")
	serve       = flag.String("serve", "", "serve the picture in `FILE` by gortsplib; used by versus itself")
)

func main() {
	flag.Parse()
	var err error
	if *serve != "" {
		err = serveGortsplib(*serve)
	} else {
		err = compare()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "versus:", err)
		os.Exit(1)
	}
}

// scanBytes makes a picture of some 30 packets.
const scanBytes = 42000

// writePicture writes a picture with a scan of random bytes, which no one decodes.
func writePicture(folder string) (path string, err error) {
	random := rand.New(rand.NewPCG(1, 2))
	img := &jpeg.Image{Width: 1280, Height: 720, Type: jpeg.Type420, Scan: make([]byte, scanBytes)}
	for i := range img.Scan {
		img.Scan[i] = byte(random.IntN(255)) // never FF, which would begin a marker
	}
	for i := range img.Luma {
		img.Luma[i], img.Chroma[i] = 1, 1
	}
	path = filepath.Join(folder, "picture.jpg")
	return path, os.WriteFile(path, jpeg.Append(nil, img), 0o600)
}

// compare runs both servers in turn and prints the medians and their ratios.
func compare() error {
	if *camcastPath == "" {
		return fmt.Errorf("-camcast is missing: the daemon's path; versus.sh gives it")
	}
	rig.Enclose()
	folder, err := os.MkdirTemp("", "versus")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	picture, err := writePicture(folder)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	*read = min(*read, *readers)
	fmt.Printf("%d RTSP/UDP readers, %d of them read, %d frames/s of %d kB, loopback, %d x %d s each, %s, %d CPUs\n",
		*readers, *read, *fps, scanBytes/1000, *rounds, *seconds, runtime.Version(), runtime.NumCPU())
	servers := []*contender{
		{name: "camcast", args: []string{*camcastPath, "--rtsp", "127.0.0.1:0", "--rtp", "127.0.0.1:0", "--log-level", "error",
			fmt.Sprintf("%s?fps=%d&loop=1", picture, *fps)}},
		{name: "gortsplib", args: []string{self, "-fps", fmt.Sprint(*fps), "-serve", picture}},
	}
	for range *rounds {
		for _, s := range servers {
			if err := s.measure(); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	for _, s := range servers {
		fmt.Printf("%-10s %8.2f us CPU per reader and frame  %8.1f KiB per reader  %6.2f %% of the packets arrived at those who read\n",
			s.name, median(s.cpu), median(s.memory), median(s.arrived))
	}
	cpu, memory := median(servers[1].cpu)/median(servers[0].cpu), median(servers[1].memory)/median(servers[0].memory)
	fmt.Printf("gortsplib / camcast: %.1f times the CPU, %.1f times the memory per reader\n", cpu, memory)
	if cpu < leastCPU || memory < leastMemory {
		return fmt.Errorf("want at least %d times the CPU and %d times the memory", leastCPU, leastMemory)
	}
	return nil
}

// How many times as much gortsplib is to need.
const (
	leastCPU    = 6
	leastMemory = 4
)
