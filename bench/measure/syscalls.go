package measure

import (
	"bufio"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// errNoPerf says why system calls are not counted.
var errNoPerf = errors.New("counting system calls needs root and Debian's package linux-perf")

// countCalls counts the system calls of some processes, and their descendants, while f
// runs, by perf stat(1).
func countCalls(roots []int, f func() error) (calls float64, err error) {
	if _, err := exec.LookPath("perf"); err != nil {
		return 0, errNoPerf
	}
	var pids []string
	for _, pid := range family(roots) {
		pids = append(pids, strconv.Itoa(pid))
	}
	// perf counts for as long as its command runs, which says when it has begun and
	// ends with its input.
	cmd := exec.Command("perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", strings.Join(pids, ","),
		"--", "sh", "-c", "echo; read line")
	var counts strings.Builder
	cmd.Stderr = &counts
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, began := bufio.NewReader(stdout).ReadString('\n')
	var failed error
	if began == nil {
		failed = f()
	}
	if err := stdin.Close(); err != nil {
		return 0, err
	}
	_ = cmd.Wait() // the command's status is that of read
	if began != nil {
		return 0, errNoPerf
	}
	if failed != nil {
		return 0, failed
	}
	return parseCount(counts.String())
}

// parseCount reads what perf stat says of one event: its count comes first.
func parseCount(said string) (float64, error) {
	text, _, _ := strings.Cut(strings.TrimSpace(said), ",")
	count, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w (perf says %q)", errNoPerf, said)
	}
	return float64(count), nil
}
