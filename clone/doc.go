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
// The program learns each reader's link address from normal sends: the reader's first datagram,
// and another one every four to six seconds. So the kernel still decides about routes, gateways
// and neighbours, and changes are followed. A reader that the program cannot serve, such as one
// behind another interface or in a VLAN, gets normal sends. (The readers of a VLAN have an
// interface of their own, such as eth0.10.)
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
