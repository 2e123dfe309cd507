// Command uvcemu is a UVC 1.0 webcam in user space, plugged into the kernel's own
// uvcvideo driver through USB/IP's vhci_hcd (a socket pair instead of a network). It has
// MJPEG, YUYV and, with -h264, H.264, on a bulk endpoint. SIGUSR1 unplugs it and plugs it
// in again after -replug; SIGUSR2 has the next payload carry the UVC error bit.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

var (
	h264   = flag.String("h264", "", "Annex B file with access unit delimiters to serve as H.264")
	port   = flag.Int("port", 0, "port of the USB hub to plug it into, 0 to 7: one for each webcam")
	dumpTo = flag.String("dump", "", "folder to write the MJPEG pictures to")
	replug = flag.Duration("replug", 2*time.Second, "unplugged time after SIGUSR1")
)

// plug plugs a camera in: it hands one end of a socket pair to vhci_hcd.
func plug(m map[string][][]byte) *cam {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		panic(err)
	}
	c := &cam{f: os.NewFile(uintptr(fds[0]), "usbip"), media: m, early: map[uint32]uint32{}, controls: newControls()}
	c.cond = sync.NewCond(&c.mu)
	copy(c.probe[:], []byte{0, 0, 1, 1})
	le.PutUint32(c.probe[4:], intervals[0])
	// port (these are the high-speed ones), socket, device id, speed 3 = high
	if err := os.WriteFile("/sys/devices/platform/vhci_hcd.0/attach", fmt.Appendf(nil, "%d %d %d 3", *port, fds[1], 65537+*port), 0); err != nil {
		panic(err)
	}
	syscall.Close(fds[1]) // the kernel holds it now
	go c.serve()
	go c.stream()
	return c
}

func main() {
	flag.Parse()
	m := media()
	if *dumpTo != "" {
		if err := dump(*dumpTo, m); err != nil {
			fmt.Fprintln(os.Stderr, "uvcemu:", err)
			os.Exit(1)
		}
	}
	sig := make(chan os.Signal, 4)
	signal.Notify(sig, syscall.SIGUSR1, syscall.SIGUSR2)
	c := plug(m)
	fmt.Println("uvcemu: plugged in")
	for s := range sig {
		if s == syscall.SIGUSR2 {
			errBit.Store(true)
			continue
		}
		syscall.Shutdown(int(c.f.Fd()), syscall.SHUT_RDWR)
		c.f.Close()
		fmt.Println("uvcemu: unplugged")
		<-time.After(*replug)
		c = plug(m)
		fmt.Println("uvcemu: plugged in")
	}
}
