// Package clone has the kernel make the copies of a broadcast: a frame is handed over once
// for up to 64 readers, and a program at the network interface (eBPF, tcx) sends it to each
// of them. The payload of segmented messages is not even copied, but shared, so that a
// reader costs a small part of what the cheapest message of its own does.
//
//	p, err := clone.Open("eth0", 4096)
//	if err != nil {
//		return err
//	}
//	defer p.Close()
//	config.Clones = p.Clones // of a cast.Config
//
// Who is reached how the program learns from datagrams that the kernel sends in the
// ordinary way: each reader's first, and another one every four to six seconds. So routes, gateways,
// neighbours and all that changes about them stay the kernel's affair, and a reader whom
// the program cannot serve, behind another interface or in a VLAN for one, is served as
// if it were not there. (The readers of a VLAN have an interface too, such as eth0.10.)
//
// It asks for Linux 6.6, an Ethernet interface, and root, or CAP_BPF and CAP_NET_ADMIN.
// There can be one program at an interface. Copies do not pass what comes before the
// interface's queue: of the datagrams that one stands for, a firewall's rules for output and
// connection tracking see that one alone. Neither do they count for the socket's buffer,
// but for one in each lot: behind a link that is too slow for its readers they wait, or are
// dropped, in the queue of the interface. It is for links that are fast enough. The
// datagrams that it sees carry marks (SO_MARK) 0xca5xxxxx, which rules for routes and
// firewalls should not take for theirs.
//
// bpf/fan.bpf.c is the program, and bpf/fan.bpf.o what make -C clone/bpf makes of it with
// clang.
package clone
