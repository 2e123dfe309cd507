//go:build browser

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/rig"
)

// The page by WebRTC. What is lost on the way is dropped by nftables, for which the tests must be in a network namespace of
// their own, as root.

// webRTCStats is what a browser counts of the one connection of its page.
type webRTCStats struct {
	Decoded, Dropped, Nacks int
	Cipher                  string // of SRTP
}

// readWebRTC waits until the page looks at its connection, as it does every half second.
const readWebRTC = `
	const { getStats } = RTCPeerConnection.prototype;
	const connection = await Promise.race([
		new Promise(done => { RTCPeerConnection.prototype.getStats = function() { done(this); return getStats.call(this); }; }),
		new Promise(done => setTimeout(done, 10000)),
	]);
	RTCPeerConnection.prototype.getStats = getStats;
	if (!connection) return {};
	const all = [...(await connection.getStats()).values()];
	const video = all.find(s => s.type === "inbound-rtp") ?? {}, transport = all.find(s => s.type === "transport") ?? {};
	return { Decoded: video.framesDecoded, Dropped: video.framesDropped, Nacks: video.nackCount, Cipher: transport.srtpCipher ?? "" };`

func statsOf(b browser) (s webRTCStats) {
	b.Eval(readWebRTC, &s)
	return s
}

// awaitWays waits until the tiles show pictures that come by these ways. If they do not it returns what they say.
func awaitWays(b browser, ways ...string) (said string) {
	wanted, _ := json.Marshal(ways)
	b.Eval(widthOf+`for (let i = 0; i < 400; i++) {
		const tiles = [...document.querySelectorAll(".tile")];
		const isSo = (way, i) => tiles[i]?.querySelector(".way").innerText.startsWith(way + " ") && widthOf(tiles[i].querySelector(".open > *")) > 0;
		if (`+string(wanted)+`.every(isSo)) return "";
		await new Promise(done => setTimeout(done, 50));
	}
	return document.body.innerText`, &said)
	return said
}

// longestGap is the longest time in ms between two pictures that the page's video has shown in so many.
const longestGap = `
	const video = document.querySelector(".tile video");
	let last = performance.now(), longest = 0, isOver = false;
	const note = () => { longest = Math.max(longest, performance.now() - last); last = performance.now(); };
	const next = () => { if (!isOver) { note(); video.requestVideoFrameCallback(next); } };
	video.requestVideoFrameCallback(next);
	await new Promise(done => setTimeout(done, %d));
	isOver = true;
	note();
	return longest;`

// outage is how long packets are lost, and nextPicture how long after that the next picture is shown, in ms.
const (
	outage      = `await new Promise(done => setTimeout(done, 1000))`
	nextPicture = `const began = performance.now();
	const shown = new Promise(done => document.querySelector(".tile video").requestVideoFrameCallback(done));
	await Promise.race([shown, new Promise(done => setTimeout(done, 20000))]);
	return performance.now() - began;`
)

var announcedRTP = regexp.MustCompile(`camcast://\S+:(\d+)/`)

// needInterface has the machine, or the network namespace of the tests, have an interface besides that of loopback: without
// one, browsers do nothing by WebRTC. It returns an address of it.
func needInterface(t *testing.T) (host string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	if err := rig.All("link add camcast0 type veth peer name camcast1", "address add 192.0.2.1/24 dev camcast0",
		"link set camcast0 up", "link set camcast1 up", "route add default dev camcast0"); err != nil {
		t.Fatal(err)
	}
	return "192.0.2.1"
}

// nft changes what is dropped.
func nft(t *testing.T, rules string) {
	t.Helper()
	if out, err := exec.Command("nft", rules).CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
}

// drop has packets from a port dropped, all of them or those that a condition is true of. The returned function ends that.
func drop(t *testing.T, port, condition string) (end func()) {
	t.Helper()
	const table = "inet camcast-browser"
	nft(t, fmt.Sprintf("add table %[1]s; add chain %[1]s in { type filter hook input priority 0; }; add rule %[1]s in udp sport %s %s drop", table, port, condition))
	isOver := false
	end = func() {
		if !isOver {
			isOver = true
			nft(t, "delete table "+table)
		}
	}
	t.Cleanup(end)
	return end
}

// The ages that pictures may have on the screen by WebRTC in the median (checkAges). Firefox's are not judged.
const maxAgeWebRTC = 50

// testWebRTC has the page play by WebRTC: all frames and none dropped, sealed with GCM; with 2 % of the packets lost; after
// all are lost for a second; and after the server was started anew.
func testWebRTC(t *testing.T, name string, b browser, host string) {
	t.Setenv("CAMCAST_UDP_SEGMENT", "0") // single packets are lost
	source := "testcard:?fps=30&encode=h264&keyframe=2s"
	d, url := startPage(t, "--http", host+":0", "--rtp", host+":0", source)
	b.Size(deskWidth, deskHeight)
	b.Open(url)
	if said := awaitWays(b, "WebRTC"); said != "" {
		t.Fatalf("the page says %s\n%s", said, d.stderr)
	}
	before := statsOf(b)
	shown := watch(b, *browserTime)["cam"]
	after := statsOf(b)
	t.Logf("%s: %d frames decoded in %v, %d dropped, sealed by %s", name, after.Decoded-before.Decoded, *browserTime, after.Dropped-before.Dropped, after.Cipher)
	if after.Decoded-before.Decoded < int(29*browserTime.Seconds()) || after.Dropped > before.Dropped || !strings.Contains(after.Cipher, "GCM") {
		t.Errorf("%s: %+v, and then %+v", name, before, after)
	}
	most := float64(maxAgeWebRTC)
	if name == "firefox" {
		most = maxAgeMP4
	}
	checkAges(t, name+", WebRTC", shown, most)

	port := announcedRTP.FindStringSubmatch(d.stdout)[1]
	var gap float64
	end := drop(t, port, "numgen random mod 100 < 2")
	if b.Eval(fmt.Sprintf(longestGap, 5000), &gap); gap > 300 {
		t.Errorf("%s: with 2 %% lost the picture stands still for %.0f ms", name, gap)
	}
	end()
	lossy := statsOf(b)
	t.Logf("%s: with 2 %% lost the longest gap is %.0f ms, after %d NACKs", name, gap, lossy.Nacks-after.Nacks)

	end = drop(t, port, "")
	b.Eval(outage, nil)
	end()
	if b.Eval(nextPicture, &gap); gap > 1000 {
		t.Errorf("%s: it goes on %.0f ms after an outage", name, gap)
	}
	t.Logf("%s: it goes on %.0f ms after an outage of a second", name, gap)

	restarted(t, d, url, b, 1, func(address string) { startPage(t, "--http", address, "--rtp", host+":0", source) })
	if said := awaitWays(b, "WebRTC"); said != "" {
		t.Errorf("after the restart the page says %s", said)
	}
}

// TestPageOfWebRTCInChromium has Chromium play by WebRTC.
func TestPageOfWebRTCInChromium(t *testing.T) {
	needInterface(t)
	testWebRTC(t, "chromium", newChromium(t), "127.0.0.1")
}

// TestPageOfWebRTCInFirefox has Firefox play by WebRTC. H.264 is decoded by the system's libavcodec, as its own plug-in for
// it would have to be fetched. By WebRTC it does not go to loopback addresses.
func TestPageOfWebRTCInFirefox(t *testing.T) {
	host := needInterface(t)
	testWebRTC(t, "firefox", newFirefox(t, "media.webrtc.hw.h264.enabled", true, "gfx.blacklist.webrtc.hw.acceleration.h264", 1), host)
}

// TestPageOfWebRTCByIPv6 has Chromium play by IPv6. When the page is left its session ends at once.
func TestPageOfWebRTCByIPv6(t *testing.T) {
	needInterface(t)
	b := newChromium(t)
	d, url := startPage(t, "--http", "[::1]:0", "--rtp", "[::1]:0", "testcard:?encode=h264")
	b.Open(url)
	if said := awaitWays(b, "WebRTC"); said != "" {
		t.Fatalf("the page says %s\n%s", said, d.stderr)
	}
	if w := watch(b, 2*time.Second)["cam"]; w.Pictures < 20 {
		t.Errorf("%d pictures in 2 s", w.Pictures)
	}
	b.Open("about:blank")
	d.awaitLog("reader left", "protocol=webrtc", "reason=closed")
}

// TestPageOfCameraOfJPEG has the page play H.264 that is encoded for it, as long as it is there, and JPEGs where that cannot
// be done: it says what to install.
func TestPageOfCameraOfJPEG(t *testing.T) {
	needInterface(t)
	b := newChromium(t)
	d, url := startPage(t, "--http", "127.0.0.1:0", "testcard:")
	b.Open(url)
	if said := awaitWays(b, "WebRTC"); said != "" {
		t.Fatalf("the page says %s\n%s", said, d.stderr)
	}
	if w := watch(b, 2*time.Second)["cam"]; w.Pictures < 20 {
		t.Errorf("%d pictures in 2 s", w.Pictures)
	}
	var viewers string
	b.Eval(`return document.querySelector("[data-figure=readers]").innerText`, &viewers)
	if viewers != "1" {
		t.Errorf("the page says that there are %q viewers", viewers)
	}
	d.stop()

	folder := t.TempDir() // of a library that cannot be loaded
	if err := os.WriteFile(filepath.Join(folder, "libopenh264.so.7"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LD_LIBRARY_PATH", folder)
	t.Setenv("CAMCAST_M2M", "0")
	d, url = startPage(t, "--http", "127.0.0.1:0", "testcard:")
	b.Open(url)
	if said := awaitWays(b, "MJPEG"); said != "" {
		t.Fatalf("the page says %s\n%s", said, d.stderr)
	}
	var said string
	b.Eval(`return document.querySelector(".way").innerText`, &said)
	if !strings.Contains(said, "install libopenh264-7") {
		t.Errorf("the page says %q", said)
	}
}
