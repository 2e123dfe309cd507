package clone

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/camcast/camcast/loop/udp"
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// object is the compiled program, for little-endian machines.
//
//go:embed bpf/fan.bpf.o
var object []byte

// Program is a program at an interface, and the memory that is shared with it.
type Program struct {
	// Clones is for the sockets whose messages it is to copy (udp.Options,
	// cast.Config), all of one loop. They must be closed before it.
	Clones *udp.Clones

	program       *ebpf.Program
	peers, orders *ebpf.Map
	link          link.Link
	memory        [][]byte
}

// programName is how the kernel knows the program.
const programName = "camcast_clone"

// loaded is what the object file has.
type loaded struct {
	Clone  *ebpf.Program `ebpf:"camcast_clone"`
	Peers  *ebpf.Map     `ebpf:"peers"`
	Orders *ebpf.Map     `ebpf:"orders"`
}

// Open loads the program and attaches it to a network interface, in the namespace of the
// calling thread, for up to so many peers, 1 to udp.MaxClonePeers (of 32 bytes of the
// kernel's memory each); those beyond get normal sends. An error says what
// is missing; one of the kernel's age is errors.ErrUnsupported, one of permission
// os.ErrPermission.
func Open(device string, peers int) (*Program, error) {
	p, err := open(device, peers)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		err = fmt.Errorf("needs root, or CAP_BPF and CAP_NET_ADMIN: %w", os.ErrPermission)
	case cpu.IsBigEndian, errors.Is(err, ebpf.ErrNotSupported):
		err = fmt.Errorf("needs Linux 6.6 or later on a little-endian machine, with CONFIG_BPF_SYSCALL and CONFIG_NET_XGRESS: %w", errors.ErrUnsupported)
	}
	if err != nil {
		return nil, fmt.Errorf("network interface %s: %w", device, err)
	}
	return p, nil
}

func open(device string, peers int) (_ *Program, err error) {
	if peers < 1 || peers > udp.MaxClonePeers {
		return nil, fmt.Errorf("%d peers: must be 1 to %d", peers, udp.MaxClonePeers)
	}
	ethernet, err := net.InterfaceByName(device)
	if err != nil {
		return nil, errors.New("not found")
	}
	if len(ethernet.HardwareAddr) != 6 {
		return nil, errors.New("not an Ethernet interface")
	}
	if attached(ethernet.Index) {
		return nil, errors.New("another camcast has its program there, and there can be one")
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, err
	}
	spec.Maps["peers"].MaxEntries = uint32(peers)
	var l loaded
	if err := spec.LoadAndAssign(&l, nil); err != nil {
		return nil, err
	}
	p := &Program{program: l.Clone, peers: l.Peers, orders: l.Orders}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.Clones, err = p.share(peers); err != nil {
		return nil, err
	}
	p.link, err = link.AttachTCX(link.TCXOptions{Interface: ethernet.Index, Program: l.Clone, Attach: ebpf.AttachTCXEgress})
	return p, err
}

// attached reports whether such a program is at an interface, as far as it may know.
func attached(device int) bool {
	there, err := link.QueryPrograms(link.QueryOptions{Target: device, Attach: ebpf.AttachTCXEgress})
	if err != nil {
		return false
	}
	for _, p := range there.Programs {
		program, err := ebpf.NewProgramFromID(p.ID)
		if err != nil {
			continue
		}
		info, err := program.Info()
		program.Close()
		if err == nil && info.Name == programName {
			return true
		}
	}
	return false
}

// share maps the program's memory into this process.
func (p *Program) share(peers int) (*udp.Clones, error) {
	entries, err := p.mapMemory(p.peers, peers*udp.ClonePeerBytes)
	if err != nil {
		return nil, err
	}
	order, err := p.mapMemory(p.orders, udp.CloneOrderBytes)
	if err != nil {
		return nil, err
	}
	return udp.NewClones(entries, order)
}

func (p *Program) mapMemory(m *ebpf.Map, size int) ([]byte, error) {
	memory, err := unix.Mmap(m.FD(), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %v: %w", m, os.NewSyscallError("mmap", err))
	}
	p.memory = append(p.memory, memory)
	return memory, nil
}

// Close takes the program off the interface and frees it. Sockets that use its Clones
// must have been closed.
func (p *Program) Close() error {
	var errs []error
	if p.link != nil {
		errs = append(errs, p.link.Close())
	}
	for _, memory := range p.memory {
		errs = append(errs, unix.Munmap(memory))
	}
	errs = append(errs, p.program.Close(), p.peers.Close(), p.orders.Close())
	*p = Program{}
	return errors.Join(errs...)
}
