//go:build cgo

// Command check tests the daemon on real camera drivers. It runs inside the virtual
// machine, beside the daemon (/camcast) and the emulated webcam (/uvcemu); test.sh starts
// it. Each argument names a group of checks. It prints a line per check, with what it
// saw, and exits 1 if one failed.
package main

import (
	"fmt"
	"os"
	"time"
)

// groups are the groups of checks by name.
var groups = map[string]func() error{
	"uvc":      checkWebcam,
	"h264":     checkH264,
	"encoded":  checkEncoded,
	"m2m":      checkM2M,
	"starts":   checkStarts,
	"pair":     checkPair,
	"serve":    serveHost,
	"vivid":    checkVivid,
	"loopback": checkLoopback,
}

func main() {
	failed := false
	if err := allowSocketBuffer(); err != nil {
		fmt.Fprintf(os.Stderr, "check: %v\n", err)
		os.Exit(1)
	}
	for _, name := range os.Args[1:] {
		began := time.Now()
		group, known := groups[name]
		if !known {
			fmt.Fprintf(os.Stderr, "check: no group %q\n", name)
			os.Exit(2)
		}
		err := group()
		printed := endAll()
		if err != nil {
			failed = true
			fmt.Printf("%sFAILED %s: %v\n", printed, name, err)
			continue
		}
		fmt.Printf("ok %s (%.1f s)\n", name, time.Since(began).Seconds())
	}
	if failed {
		os.Exit(1)
	}
}

// saw prints what a check has found.
func saw(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }
