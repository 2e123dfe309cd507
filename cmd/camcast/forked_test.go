//go:build adapt

package main

import (
	"fmt"
	"testing"

	"github.com/camcast/camcast/bench/rig"
)

// forkedNetwork is a sender, a router, and two hosts behind the router.
type forkedNetwork struct {
	t                          *testing.T
	sender, router, near, slow string
}

const (
	senderHost = "10.97.1.1"
	nearHost   = "10.97.2.2"
	slowHost   = "10.97.3.2"
	slowQueue  = 64 // packets before the slow link
)

func makeForkedNetwork(t *testing.T) *forkedNetwork {
	t.Helper()
	if missing := rig.Missing(); missing != "" {
		t.Fatalf("network namespaces need %s", missing)
	}
	id := rig.NewName()
	n := &forkedNetwork{t, id + "-tx", id + "-rt", id + "-near", id + "-slow"}
	for _, namespace := range []string{n.sender, n.router, n.near, n.slow} {
		n.ip("netns add " + namespace)
		t.Cleanup(func() { n.ip("netns del " + namespace) })
	}
	for i, host := range []string{n.sender, n.near, n.slow} {
		outer, inner := fmt.Sprintf("ccr%d", i+1), "cc0"
		ours, routers := fmt.Sprintf("10.97.%d.2", i+1), fmt.Sprintf("10.97.%d.254", i+1)
		if host == n.sender {
			ours = senderHost
		}
		n.ip(fmt.Sprintf("link add %s netns %s type veth peer name %s netns %s", inner, host, outer, n.router))
		n.ip(fmt.Sprintf("-n %s addr add %s/24 dev %s", host, ours, inner))
		n.ip(fmt.Sprintf("-n %s addr add %s/24 dev %s", n.router, routers, outer))
		n.ip(fmt.Sprintf("-n %s link set %s up", host, inner))
		n.ip(fmt.Sprintf("-n %s link set %s up", n.router, outer))
		n.ip(fmt.Sprintf("-n %s route add default via %s", host, routers))
	}
	n.ip("netns exec " + n.router + " sysctl -qw net.ipv4.ip_forward=1")
	// The router sees packets, as a real one does, not what the kernel would cut.
	n.ip("netns exec " + n.sender + " ethtool -K cc0 tx-udp-segmentation off")
	return n
}

func (n *forkedNetwork) ip(arguments string) {
	n.t.Helper()
	if err := rig.IP(arguments); err != nil {
		n.t.Fatal(err)
	}
}

// slowDown has the link to the slow host carry so much, with a small queue before it.
func (n *forkedNetwork) slowDown(bitsPerSecond int) {
	n.t.Helper()
	n.ip(fmt.Sprintf("netns exec %s tc qdisc add dev ccr3 root handle 1: tbf rate %dbit burst 4500 limit 1000000", n.router, bitsPerSecond))
	n.ip(fmt.Sprintf("netns exec %s tc qdisc add dev ccr3 parent 1:1 handle 10: pfifo limit %d", n.router, slowQueue))
}

// recover has it carry everything.
func (n *forkedNetwork) recover() {
	n.t.Helper()
	n.ip("netns exec " + n.router + " tc qdisc del dev ccr3 root")
}
