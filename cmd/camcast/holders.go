package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// process is a process that has something open.
type process struct {
	PID  int    `json:"pid"`
	Name string `json:"name"` // which it may have chosen: without what a terminal would obey
}

func (p process) String() string { return fmt.Sprintf("%s (pid %d)", p.Name, p.PID) }

// holders finds the processes, other than this one, that have something open: has is given the
// descriptors' paths in /proc and what they lead to. It finds only processes whose descriptors may be read:
// one's own, or all of them as root.
func holders(has func(descriptor, target string) bool) (found []process) {
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, path := range descriptors {
		pid, err := strconv.Atoi(strings.Split(path, "/")[2])
		if err != nil || pid == os.Getpid() || slices.ContainsFunc(found, func(p process) bool { return p.PID == pid }) {
			continue
		}
		if target, err := os.Readlink(path); err == nil && has(path, target) {
			found = append(found, process{pid, commandOf(pid)})
		}
	}
	return found
}

// isDevice reports of a descriptor whether it is a device, by whichever path it was opened.
func isDevice(device string) func(descriptor, target string) bool {
	number := func(path string) (uint64, bool) {
		info, err := os.Stat(path)
		if err != nil || info.Mode()&os.ModeDevice == 0 {
			return 0, false
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return 0, false
		}
		return stat.Rdev, true
	}
	wanted, isThere := number(device)
	return func(descriptor, target string) bool {
		if !isThere || !strings.HasPrefix(target, "/dev/") {
			return false
		}
		got, ok := number(descriptor)
		return ok && got == wanted
	}
}

// commandOf is a process's name.
func commandOf(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return "another program"
	}
	return printable(string(name))
}

// printable is a foreign text without what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
