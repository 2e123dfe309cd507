//go:build adapt || players

package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// pictureHashes reads what ffmpeg writes as framemd5.
func pictureHashes(text string) (hashes []string) {
	for line := range strings.Lines(text) {
		if fields := strings.Split(strings.TrimSpace(line), ","); len(fields) == 6 && line[0] != '#' {
			hashes = append(hashes, strings.TrimSpace(fields[5]))
		}
	}
	return hashes
}

// ffmpeg runs it and returns what it writes.
func ffmpeg(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("timeout", append([]string{"60", "ffmpeg", "-v", "error"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("ffmpeg %q: %v\n%s", args, err, stderr.String())
	}
	return out
}
