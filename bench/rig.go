package bench

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// Rig is a network to send into, and where its readers are.
type Rig struct {
	name string
	// near and far are network namespaces: the sender's, and that of the readers. Both
	// are empty on the loopback of whoever is not root.
	near, far string
	sink      int // the receiver whose buffer is full, on loopback; -1: none
}

// errNotRoot says why a rig is absent.
var errNotRoot = errors.New("needs root, and Debian's packages iproute2 and ethtool")

// rigs are the names of the rigs, in the order of the benchmarks.
var rigs = []string{"veth", "veth-nooffload", "lo"}

// rigNumber tells the rigs of one process apart.
var rigNumber atomic.Int64

const readerPort = 5004

// NewRig makes a network. Close removes it.
func NewRig(name string) (*Rig, error) {
	r := &Rig{name: name, sink: -1}
	root := os.Geteuid() == 0
	if !root && name != "lo" {
		return nil, errNotRoot
	}
	var err error
	if root {
		id := fmt.Sprintf("camcast-%d-%d", os.Getpid(), rigNumber.Add(1))
		if name == "lo" {
			err = r.makeLoopback(id)
		} else {
			err = r.makeVeth(id, name == "veth")
		}
	}
	if err == nil && name == "lo" {
		err = r.openSink()
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// ip runs one ip(8) command.
func ip(arguments string) error {
	out, err := exec.Command("ip", strings.Fields(arguments)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", arguments, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func all(commands ...string) error {
	for _, c := range commands {
		if err := ip(c); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rig) makeLoopback(id string) error {
	r.near = id
	return all("netns add "+id, "-n "+id+" link set lo up")
}

// makeVeth makes two hosts that a cable joins. Readers are 10.100.0.0/16, all behind the
// far one, which drops what reaches it.
func (r *Rig) makeVeth(id string, offload bool) error {
	r.near, r.far = id+"-tx", id+"-rx"
	err := all(
		"netns add "+r.near, "netns add "+r.far,
		fmt.Sprintf("link add cctx netns %s type veth peer name ccrx netns %s", r.near, r.far),
		"-n "+r.near+" addr add 10.99.0.1/16 dev cctx",
		"-n "+r.near+" link set cctx up", "-n "+r.near+" link set lo up",
		"-n "+r.far+" link set ccrx up", "-n "+r.far+" link set lo up",
	)
	if err != nil {
		return err
	}
	address, err := exec.Command("ip", "netns", "exec", r.far, "cat", "/sys/class/net/ccrx/address").Output()
	if err != nil {
		return fmt.Errorf("the far end's address: %w", err)
	}
	err = all(
		fmt.Sprintf("-n %s neigh add 10.99.0.2 lladdr %s dev cctx nud permanent", r.near, strings.TrimSpace(string(address))),
		"-n "+r.near+" route add 10.100.0.0/16 via 10.99.0.2 dev cctx",
		"-n "+r.far+" route add blackhole 10.100.0.0/16",
	)
	if err != nil || offload {
		return err
	}
	out, err := exec.Command("ip", "netns", "exec", r.near, "ethtool", "-K", "cctx", "tx-udp-segmentation", "off").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ethtool: %w: %s", err, out)
	}
	return nil
}

// openSink opens the one receiver that all readers on loopback are.
func (r *Rig) openSink() error {
	return r.Do(func() (err error) {
		kernel, err := loop.NewKernel()
		if err != nil {
			return err
		}
		defer kernel.Close()
		r.sink, err = kernel.OpenUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), readerPort), loop.UDPOptions{ReceiveBufferBytes: 1})
		return err
	})
}

// Do runs f in the sender's namespace: the sockets it opens stay there.
func (r *Rig) Do(f func() error) error { return within(r.near, f) }

// within runs f in a network namespace, on a thread of its own.
func within(namespace string, f func() error) error {
	if namespace == "" {
		return f()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(home)
	there, err := unix.Open("/run/netns/"+namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(there)
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("setns", err)
	}
	err = f()
	if back := unix.Setns(home, unix.CLONE_NEWNET); back != nil {
		panic("bench: this thread cannot leave its network namespace: " + back.Error())
	}
	return err
}

// Reader is the address of reader i, below 60000.
func (r *Rig) Reader(i int) netip.AddrPort {
	if r.name == "lo" {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}), readerPort)
	}
	i++ // .0.0 is the network
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 100, byte(i >> 8), byte(i)}), readerPort)
}

// Close removes the network.
func (r *Rig) Close() error {
	var errs []error
	if r.sink >= 0 {
		errs = append(errs, unix.Close(r.sink))
		r.sink = -1
	}
	for _, namespace := range []string{r.near, r.far} {
		if _, err := os.Stat("/run/netns/" + namespace); namespace != "" && err == nil {
			errs = append(errs, ip("netns del "+namespace))
		}
	}
	r.near, r.far = "", ""
	return errors.Join(errs...)
}
