package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// portRequest is ports that a flag asks for.
type portRequest struct {
	flag     string // such as --rtsp
	protocol string // tcp or udp
	ports    []uint16
}

// taken says which of the ports is in use, and by which process as far as /proc tells.
func (r portRequest) taken() string {
	who, which := "another program, perhaps another camcast", "the port"
	for _, port := range r.ports {
		sockets := socketsAt(r.protocol, port)
		if len(sockets) == 0 {
			continue
		}
		which = fmt.Sprintf("port %d", port)
		if process, ok := holderOf(sockets); ok {
			who = process
		}
		break
	}
	return fmt.Sprintf("%s is in use by %s: stop it, or choose another with %s", which, who, r.flag)
}

// tcpListen is the state of a TCP socket that listens, as /proc/net/tcp has it.
const tcpListen = "0A"

// socketsAt are the sockets on a local port, by their inodes.
func socketsAt(protocol string, port uint16) (inodes []string) {
	suffix := fmt.Sprintf(":%04X", port)
	for _, family := range []string{"", "6"} {
		table, err := os.ReadFile("/proc/net/" + protocol + family)
		if err != nil {
			continue // no /proc, or no IPv6
		}
		for line := range strings.Lines(string(table)) {
			// proc(5): sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode
			f := strings.Fields(line)
			if len(f) > 9 && strings.HasSuffix(f[1], suffix) && (protocol == "udp" || f[3] == tcpListen) {
				inodes = append(inodes, f[9])
			}
		}
	}
	return inodes
}

// holderOf finds a process, other than this one, that has one of the sockets open. It finds only
// those whose descriptors may be read: one's own, or all of them as root.
func holderOf(inodes []string) (process string, ok bool) {
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, path := range descriptors {
		target, err := os.Readlink(path)
		inode, isSocket := strings.CutPrefix(target, "socket:[")
		if err != nil || !isSocket || !slices.Contains(inodes, strings.TrimSuffix(inode, "]")) {
			continue
		}
		pid := strings.Split(path, "/")[2]
		if pid == strconv.Itoa(os.Getpid()) {
			continue
		}
		return fmt.Sprintf("%s (pid %s)", commandOf(pid), pid), true
	}
	return "", false
}

// commandOf is a process's name, which it may have chosen: without what a terminal would obey.
func commandOf(pid string) string {
	name, err := os.ReadFile("/proc/" + pid + "/comm")
	if err != nil {
		return "another program"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, string(name))
}
