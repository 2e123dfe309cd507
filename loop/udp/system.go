package udp

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SystemCounters are the kernel's own counts of UDP errors, of all sockets in the
// network namespace since it was made (/proc/net/snmp and snmp6, which proc_net(5)
// describes).
type SystemCounters struct {
	// SendBufferErrors is how many datagrams could not be sent for want of memory or of
	// room in a queue behind a socket; no send need have failed.
	SendBufferErrors uint64
	// ReceiveBufferErrors is how many were dropped at a socket's full receive buffer.
	ReceiveBufferErrors uint64
}

// Since is what has been counted since earlier.
func (c SystemCounters) Since(earlier SystemCounters) SystemCounters {
	return SystemCounters{c.SendBufferErrors - earlier.SendBufferErrors, c.ReceiveBufferErrors - earlier.ReceiveBufferErrors}
}

// ReadSystemCounters asks the kernel. It fails where /proc is not mounted.
func ReadSystemCounters() (c SystemCounters, err error) {
	v4, err := readProc("/proc/net/snmp")
	if err != nil {
		return c, err
	}
	c.addSNMP(v4)
	if v6, err := readProc("/proc/net/snmp6"); err == nil { // absent without IPv6
		c.addSNMP6(v6)
	}
	return c, nil
}

// addSNMP adds what is in a line of names, "Udp: InDatagrams ...", and a line of values.
func (c *SystemCounters) addSNMP(text []byte) {
	var names []string
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 || fields[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i := 1; i < min(len(names), len(fields)); i++ {
			c.add(names[i], fields[i])
		}
		return
	}
}

// addSNMP6 adds what is in lines of a name, "Udp6SndbufErrors", and a value.
func (c *SystemCounters) addSNMP6(text []byte) {
	for line := range bytes.Lines(text) {
		if fields := strings.Fields(string(line)); len(fields) == 2 {
			if name, ok := strings.CutPrefix(fields[0], "Udp6"); ok {
				c.add(name, fields[1])
			}
		}
	}
}

func (c *SystemCounters) add(name, value string) {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return
	}
	switch name {
	case "SndbufErrors":
		c.SendBufferErrors += n
	case "RcvbufErrors":
		c.ReceiveBufferErrors += n
	}
}

// readProc reads a small file of /proc, by system calls of its own: package os would
// have the runtime start a poller.
func readProc(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, os.NewSyscallError("open", err))
	}
	defer unix.Close(fd)
	var text []byte
	for buffer := make([]byte, 16<<10); ; {
		n, err := unix.Read(fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, os.NewSyscallError("read", err))
		}
		if n == 0 {
			return text, nil
		}
		text = append(text, buffer[:n]...)
	}
}
