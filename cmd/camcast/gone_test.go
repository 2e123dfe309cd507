//go:build adapt

package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
)

const (
	goneMachines = 24
	liveHost     = "10.97.1.2"
)

// TestGoneMachinesInANetwork has the machines of most readers vanish from the local network.
// What waits in the kernel for their link addresses is more than the socket's buffer; their
// readers rest, and the one who is left goes on as before.
func TestGoneMachinesInANetwork(t *testing.T) {
	t.Parallel() // it has networks of its own, and waits for most of its time
	if missing := rig.Missing(); missing != "" {
		t.Fatalf("network namespaces need %s", missing)
	}
	id := rig.NewName()
	sender, live, gone := id+"-tx", id+"-live", id+"-gone"
	ip := func(arguments string) {
		t.Helper()
		if err := rig.IP(arguments); err != nil {
			t.Fatal(err)
		}
	}
	for _, namespace := range []string{sender, live, gone} {
		ip("netns add " + namespace)
		t.Cleanup(func() { ip("netns del " + namespace) })
	}
	ip("-n " + sender + " link add ccbr type bridge")
	ip("-n " + sender + " addr add " + senderHost + "/24 dev ccbr")
	ip("-n " + sender + " link set ccbr up")
	for port, host := range map[string]string{"ccl": live, "ccg": gone} {
		ip(fmt.Sprintf("link add %s netns %s type veth peer name cc0 netns %s", port, sender, host))
		ip(fmt.Sprintf("-n %s link set %s master ccbr up", sender, port))
		ip(fmt.Sprintf("-n %s link set cc0 up", host))
	}
	ip("-n " + live + " addr add " + liveHost + "/24 dev cc0")
	var d *daemon
	if err := rig.Within(sender, func() error {
		d = startDaemon(t, "--rtsp", senderHost+":8554", "--rtp", senderHost+":5004", fmt.Sprintf("testcard:?size=1280x720&fps=%d", adaptRate))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	reader := joinFrom(t, live, liveHost, 6000)
	for i := range goneMachines {
		host := fmt.Sprintf("10.97.1.%d", 100+i)
		ip("-n " + gone + " addr add " + host + "/24 dev cc0")
		joinFrom(t, gone, host, 6000)
	}
	reader.await(t, adaptRate)

	ip("-n " + gone + " link set cc0 down")
	ip("-n " + sender + " neigh flush dev ccbr") // else the kernel believes in them for half a minute
	// Until the kernel has asked for them in vain, three seconds, what is sent to them waits.
	reader.await(t, 5*adaptRate)
	from := reader.newest()
	reader.await(t, 10*adaptRate)
	if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if line := d.awaitLog("thinned:"); !strings.Contains(line, fmt.Sprintf("as their machine does not answer or their port is closed: %d readers", goneMachines)) {
		t.Errorf("%q, want %d readers to rest", line, goneMachines)
	}
	longest := time.Duration(0)
	frames := since(reader.frames(), from)
	for i := 1; i < len(frames); i++ {
		longest = max(longest, time.Duration(frames[i]-frames[i-1])*time.Second/90000)
	}
	t.Logf("%d frames once %d machines were known to be gone, at most %v apart", len(frames), goneMachines, longest.Round(time.Millisecond))
	if longest > time.Second {
		t.Errorf("nothing came for %v", longest)
	}
}
