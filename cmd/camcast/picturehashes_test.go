//go:build adapt || players

package main

import "strings"

// pictureHashes reads what ffmpeg writes as framemd5.
func pictureHashes(text string) (hashes []string) {
	for line := range strings.Lines(text) {
		if fields := strings.Split(strings.TrimSpace(line), ","); len(fields) == 6 && line[0] != '#' {
			hashes = append(hashes, strings.TrimSpace(fields[5]))
		}
	}
	return hashes
}
