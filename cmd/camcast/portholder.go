package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
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
		if processes := holders(isSocket(sockets)); len(processes) > 0 {
			who = processes[0].String()
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

// isSocket reports of a descriptor whether it is one of the sockets.
func isSocket(inodes []string) func(descriptor, target string) bool {
	return func(_, target string) bool {
		inode, isSocket := strings.CutPrefix(target, "socket:[")
		return isSocket && slices.Contains(inodes, strings.TrimSuffix(inode, "]"))
	}
}
