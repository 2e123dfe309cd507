package measure

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what some processes have used.
type Usage struct {
	CPU time.Duration
	// Memory is what they have in main memory now, in bytes.
	Memory int64
	// Switches is how often their threads were switched away from.
	Switches uint64
}

// UsageOf adds up the usage of processes and all their descendants.
func UsageOf(roots ...int) (sum Usage) {
	for _, pid := range family(roots) {
		sum.CPU += cpuTime(pid)
		sum.Memory += statusField(pid, "VmRSS:") * 1024
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil {
			continue
		}
		for _, path := range tasks {
			sum.Switches += uint64(field(path, "voluntary_ctxt_switches:") + field(path, "nonvoluntary_ctxt_switches:"))
		}
	}
	return sum
}

// cpuTime is what a process has used, to the nanosecond: its CPU clock is named after it
// (clock_getcpuclockid(3)). It is 0 if the process is gone.
func cpuTime(pid int) time.Duration {
	const schedulerClock = 2
	var t unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|schedulerClock), &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// family returns processes and all their descendants.
func family(roots []int) []int {
	parents := map[int][]int{}
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return roots
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if child, parent, ok := parseStat(string(data)); ok {
			parents[parent] = append(parents[parent], child)
		}
	}
	all := append([]int(nil), roots...)
	for i := 0; i < len(all); i++ {
		all = append(all, parents[all[i]]...)
	}
	return all
}

// parseStat reads a process's number and its parent's from /proc/PID/stat. Its name, which is
// between them, can have anything in it (proc_pid_stat(5)).
func parseStat(line string) (pid, parent int, ok bool) {
	number, _, _ := strings.Cut(line, " ")
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) < 2 {
		return 0, 0, false
	}
	pid, err := strconv.Atoi(number)
	parent, parentErr := strconv.Atoi(fields[1])
	return pid, parent, err == nil && parentErr == nil
}

func statusField(pid int, name string) int64 {
	return field(fmt.Sprintf("/proc/%d/status", pid), name)
}

// field reads a number from a file of lines, 0 if it is not there.
func field(path, name string) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return parseField(string(data), name)
}

func parseField(text, name string) int64 {
	for line := range strings.Lines(text) {
		if text, ok := strings.CutPrefix(line, name); ok {
			value, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			if err == nil {
				return value
			}
		}
	}
	return 0
}
