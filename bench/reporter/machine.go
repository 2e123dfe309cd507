package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is where the figures are from.
type Machine struct {
	Processor, Kernel, Go string
	Cores                 int
	MemoryGiB             float64
	// Versions are those of what was compared.
	Versions []string
}

func thisMachine() Machine {
	var name unix.Utsname
	_ = unix.Uname(&name) // it cannot fail with a valid address
	m := Machine{
		Processor: processor(), Cores: runtime.NumCPU(), Go: runtime.Version(),
		Kernel:    unix.ByteSliceToString(name.Release[:]),
		MemoryGiB: float64(machineMemory()) / (1 << 30),
	}
	compared := []string{
		"github.com/bluenviron/gortsplib/v5", "github.com/panjf2000/gnet/v2",
		"github.com/rabbitmq/amqp091-go", "github.com/tidwall/evio",
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if slices.Contains(compared, d.Path) {
				m.Versions = append(m.Versions, d.Path+" "+d.Version)
			}
		}
	}
	for _, name := range []string{"rabbitmq-server", "erlang-base", "gstreamer1.0-plugins-good"} {
		if out, err := exec.Command("dpkg-query", "-W", "-f=${Version}", name).Output(); err == nil {
			m.Versions = append(m.Versions, fmt.Sprintf("%s %s", name, out))
		}
	}
	return m
}

func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
