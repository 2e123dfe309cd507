// Package rig makes the networks that broadcasts are measured in, and removes them. Enclose has
// them removed even if the program is killed.
//
// As root the readers are behind a veth pair between two network namespaces. "veth"
// takes whole segmented messages, as a network card does that cuts them; "veth-nooffload"
// has the kernel cut them. "lo" is the loopback interface of a namespace. Without root
// there is only "lo", of the machine itself.
//
// Most of ten thousand readers over UDP are nobody: the far side of the veth pair drops
// what is sent to them as soon as it arrives, and on loopback their one socket is always
// full. So what is measured is sending. A few are real, and check what they get.
package rig

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// Rig is a network to send into, and where its readers are.
type Rig struct {
	// Near and Far are the network namespaces of the sender and of the readers. Both
	// are empty on the loopback of whoever is not root.
	Near, Far string
	name      string
	sink      int // the receiver whose buffer is full, on loopback; -1: none
}

// MissingError says what a rig needs that is not here.
type MissingError struct{ What string }

func (e MissingError) Error() string { return "needs " + e.What }

// Missing says what is missing for network namespaces, "" if nothing.
func Missing() string {
	if os.Geteuid() != 0 {
		return "root, and Debian's packages iproute2 and ethtool"
	}
	for program, pkg := range map[string]string{"ip": "iproute2", "ethtool": "ethtool"} {
		if _, err := exec.LookPath(program); err != nil {
			return "Debian's package " + pkg
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	const needed = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_SYS_ADMIN
	if err := unix.Capget(&header, &data[0]); err == nil && data[0].Effective&needed != needed {
		return "the capabilities CAP_NET_ADMIN and CAP_SYS_ADMIN"
	}
	return ""
}

// Names are the names of the rigs, in the order of the benchmarks.
var Names = []string{"veth", "veth-nooffload", "lo"}

const (
	// ReaderPort is where readers over UDP are, each at its own address.
	ReaderPort = 5004
	// Device is the sender's network interface, but on loopback.
	Device    = "cctx"
	farDevice = "ccrx"
	// FirstDeadPort is the first of the ports at which nobody is on the far side, up to 60000.
	FirstDeadPort = 30000
)

var number atomic.Int64

// NewName makes up a name for a namespace that no other has.
func NewName() string { return fmt.Sprintf("camcast-%d-%d", os.Getpid(), number.Add(1)) }

// New makes a network. Close removes it. The error is a MissingError if the machine or the
// user lacks what it takes; "lo" is then the machine's own loopback.
func New(name string) (*Rig, error) {
	r := &Rig{name: name, sink: -1}
	missing := Missing()
	if missing != "" && name != "lo" {
		return nil, MissingError{missing}
	}
	var err error
	if missing == "" {
		id := NewName()
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

// Loopback is this machine's own loopback interface, for messages that nobody needs to get. Close
// frees it.
func Loopback() (*Rig, error) {
	r := &Rig{name: "lo", sink: -1}
	return r, r.openSink()
}

func (r *Rig) makeLoopback(id string) error {
	r.Near, r.Far = id, id
	return All("netns add "+id, "-n "+id+" link set lo up")
}

// makeVeth makes two hosts that a cable joins. Readers over UDP are 10.100.0.0/16, all
// behind the far one; readers that come by TCP are the far one itself.
func (r *Rig) makeVeth(id string, offload bool) error {
	r.Near, r.Far = id+"-tx", id+"-rx"
	near, far := "-n "+r.Near+" ", "-n "+r.Far+" "
	err := All(
		"netns add "+r.Near, "netns add "+r.Far,
		fmt.Sprintf("link add cctx netns %s type veth peer name ccrx netns %s", r.Near, r.Far),
		near+"addr add 10.99.0.1/16 dev cctx", far+"addr add 10.99.0.2/16 dev ccrx",
		near+"link set cctx up", near+"link set lo up",
		far+"link set ccrx up", far+"link set lo up",
	)
	if err != nil {
		return err
	}
	nearAddress, err := hardwareAddress(r.Near, Device)
	if err != nil {
		return err
	}
	farAddress, err := hardwareAddress(r.Far, farDevice)
	if err != nil {
		return err
	}
	err = All( // nobody need ask who is there: every byte on the cable is a sender's
		near+"neigh add 10.99.0.2 dev cctx nud permanent lladdr "+farAddress,
		far+"neigh add 10.99.0.1 dev ccrx nud permanent lladdr "+nearAddress,
		near+"route add 10.100.0.0/16 via 10.99.0.2 dev cctx",
		far+"route add blackhole 10.100.0.0/16",
		far+"rule add pref 100 lookup local",
		far+fmt.Sprintf("rule add pref 10 ipproto udp dport %d-60000 blackhole", FirstDeadPort),
		far+"rule del pref 0",
	)
	if err != nil || offload {
		return err
	}
	out, err := exec.Command("ip", "netns", "exec", r.Near, "ethtool", "-K", "cctx", "tx-udp-segmentation", "off").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ethtool: %w: %s", err, out)
	}
	return nil
}

// hardwareAddress is the link address of a device in a namespace.
func hardwareAddress(namespace, device string) (string, error) {
	out, err := exec.Command("ip", "netns", "exec", namespace, "cat", "/sys/class/net/"+device+"/address").Output()
	if err != nil {
		return "", fmt.Errorf("%s's address: %w", device, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// openSink opens the one receiver that all readers on loopback are. Without it the kernel would say
// that their ports are closed, and they would get no frames.
func (r *Rig) openSink() error {
	return r.Do(func() (err error) {
		kernel, err := loop.NewKernel()
		if err != nil {
			return err
		}
		defer kernel.Close()
		r.sink, err = kernel.OpenUDP(netip.AddrPortFrom(netip.IPv4Unspecified(), ReaderPort), loop.UDPOptions{ReceiveBufferBytes: 1, ReuseAddress: true})
		return err
	})
}

// Do runs f in the sender's namespace: the sockets it opens stay there.
func (r *Rig) Do(f func() error) error { return Within(r.Near, f) }

// Drops reports whether what is sent to a port from FirstDeadPort on is dropped without
// a word. Where it is not, somebody should have that port.
func (r *Rig) Drops() bool { return r.Near != r.Far }

// Host is the sender's address, for readers that come to it.
func (r *Rig) Host() netip.Addr {
	if r.Drops() {
		return netip.AddrFrom4([4]byte{10, 99, 0, 1})
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// Reader is the address of reader i over UDP, below 60000.
func (r *Rig) Reader(i int) netip.AddrPort {
	if r.name == "lo" {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}), ReaderPort)
	}
	i++ // .0.0 is the network
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 100, byte(i >> 8), byte(i)}), ReaderPort)
}

// Admit has what is sent to these readers reach the far side's sockets, and nobody else.
func (r *Rig) Admit(readers []netip.AddrPort) error {
	if !r.Drops() {
		return nil
	}
	if err := IP("-n " + r.Far + " addr flush dev lo scope global"); err != nil {
		return err
	}
	var commands strings.Builder
	for _, reader := range readers {
		fmt.Fprintf(&commands, "addr add %v/32 dev lo\n", reader.Addr())
	}
	cmd := exec.Command("ip", "-n", r.Far, "-batch", "-") // there may be a thousand
	cmd.Stdin = strings.NewReader(commands.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip addr add: %w: %s", err, out)
	}
	return nil
}

// DropEarly has the far side drop what is for others than the first readers, about so many,
// as soon as it comes out of the cable: on a real one it would be another machine's work.
func (r *Rig) DropEarly(but int) error {
	kept := netip.PrefixFrom(r.Reader(0).Addr(), 32-bits.Len(uint(but))).Masked()
	rules := fmt.Sprintf(`table netdev hall {
	chain early {
		type filter hook ingress device %s priority 0;
		ip daddr != %v ip daddr 10.100.0.0/16 drop
	}
}`, farDevice, kept)
	cmd := exec.Command("ip", "netns", "exec", r.Far, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("nft, of Debian's package nftables: %w: %s", err, out)
	}
	return nil
}

// Command is a command line that runs args in a namespace and, unless core is negative,
// on that CPU alone.
func Command(namespace string, core int, args ...string) []string {
	if core >= 0 {
		args = append([]string{"taskset", "-c", strconv.Itoa(core)}, args...)
	}
	if namespace != "" {
		args = append([]string{"ip", "netns", "exec", namespace}, args...)
	}
	return args
}

// Close removes the network.
func (r *Rig) Close() error {
	var errs []error
	if r.sink >= 0 {
		errs = append(errs, unix.Close(r.sink))
		r.sink = -1
	}
	for _, namespace := range []string{r.Near, r.Far} {
		if _, err := os.Stat("/run/netns/" + namespace); namespace != "" && err == nil {
			errs = append(errs, IP("netns del "+namespace))
		}
	}
	r.Near, r.Far = "", ""
	return errors.Join(errs...)
}
