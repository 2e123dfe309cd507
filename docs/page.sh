#!/bin/sh
# Makes docs/page.png: the page in Chromium, with six test cards by WebRTC. It takes root, as tests in
# browsers do, and ffmpeg.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CAMCAST_SCREENSHOTS=$work .ci/in-namespace go test -count=1 -vet=off -tags browser -run TestPageForEverybodyByWebRTC ./cmd/camcast
ffmpeg -v error -y -i "$work/page.png" -filter_complex 'split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=dither=none' docs/page.png
ls -l docs/page.png
