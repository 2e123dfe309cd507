//go:build cgo

package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strconv"
)

const traced = "/tmp/trace"

// traceDevices runs the daemon and writes down which files it opens and looks for. strace is
// its grandchild (-D), and only these calls are slower than without it (--seccomp-bpf).
var traceDevices = []string{"/strace", "-D", "-f", "-qq", "--seccomp-bpf", "-e", "signal=none",
	"-e", "trace=open,openat,openat2,stat,newfstatat", "-o", traced}

var deviceCall = regexp.MustCompile(`^(\d+) +(\w+)\([^"]*"(/dev/video\d+)"`)

// checkDeviceCalls reads which devices the daemon, which has ended, has opened: the one that
// stays once, those that come or come again, and no other. The thread that serves, which is
// the process's first, must have opened none.
func checkDeviceCalls(first int) error {
	file, err := os.Open(traced)
	if err != nil {
		return err
	}
	defer file.Close()
	opens, looks := map[string]int{}, map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		m := deviceCall.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		switch isServing := m[1] == strconv.Itoa(first); {
		case m[2] == "stat" || m[2] == "newfstatat":
			looks[m[3]]++
		case isServing:
			return fmt.Errorf("the thread that serves opens a device: %s", lines.Text())
		default:
			opens[m[3]]++
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	bench, cam, late := deviceAt(benchPort), deviceAt(camPort), deviceAt(latePort)
	if opens[bench] != 1 || opens[cam] < 2 || opens[late] < 1 || len(opens) != 3 {
		return fmt.Errorf("devices are opened this often: %v; want %s once, %s twice, %s, and no other", opens, bench, cam, late)
	}
	saw("strace: %s, which stays, is opened once, %s %d times (looked for %d times), %s %d times (looked for %d times), and no other; never by the thread that serves",
		bench, cam, opens[cam], looks[cam], late, opens[late], looks[late])
	return nil
}
