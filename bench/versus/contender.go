package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// contender is a server and what was measured of it, once per round.
type contender struct {
	name string
	args []string
	// cpu is in microseconds per reader and frame, memory in KiB per reader, arrived in
	// per cent.
	cpu, memory, arrived []float64
}

var urlInText = regexp.MustCompile(`rtsp://\S+`)

// measure runs the server with all readers for a while.
func (c *contender) measure() error {
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	url := ""
	for lines := bufio.NewScanner(stdout); url == "" && lines.Scan(); {
		url = urlInText.FindString(lines.Text())
	}
	if url == "" {
		return fmt.Errorf("it did not tell its URL")
	}
	pause(time.Second)
	empty, err := residentKiB(cmd.Process.Pid)
	if err != nil {
		return err
	}
	hall, err := fill(url, *readers)
	if err != nil {
		return err
	}
	defer hall.empty()
	pause(time.Second)
	cpuBefore, err := cpuTime(cmd.Process.Pid)
	if err != nil {
		return err
	}
	packetsBefore, began := hall.packets.Load(), time.Now()
	pause(time.Duration(*seconds) * time.Second)
	took := time.Since(began)
	packets := hall.packets.Load() - packetsBefore
	cpuAfter, err := cpuTime(cmd.Process.Pid)
	if err != nil {
		return err
	}
	full, err := residentKiB(cmd.Process.Pid)
	if err != nil {
		return err
	}
	readerFrames := float64(*readers) * float64(*fps) * took.Seconds()
	c.cpu = append(c.cpu, float64((cpuAfter-cpuBefore).Microseconds())/readerFrames)
	c.memory = append(c.memory, max(float64(full-empty), 0.1)/float64(*readers))
	c.arrived = append(c.arrived, 100*float64(packets)/(readerFrames*float64(packetsPerFrame))*float64(*readers)/float64(max(*read, 1)))
	return nil
}

// pause lets the measured time pass.
func pause(d time.Duration) { <-time.After(d) }

// clockTick is USER_HZ, which is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTime is the CPU time a process has used (proc(5), fields 14 and 15 of stat).
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, err
}

// residentKiB is the memory a process has in use.
func residentKiB(pid int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(data), "\n") {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(text, "kB")))
		}
	}
	return 0, fmt.Errorf("no VmRSS in /proc/%d/status", pid)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
