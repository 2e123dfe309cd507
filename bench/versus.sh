#!/bin/sh
# Measures the daemon beside a gortsplib server with 600 RTSP/UDP readers on loopback.
# usage: versus.sh [FLAG...]      (flags of versus: -readers, -fps, -seconds, -rounds)
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/camcast" ./cmd/camcast
go build -o "$work/versus" ./bench/versus
ulimit -n 20000 2>/dev/null || true
"$work/versus" -camcast "$work/camcast" "$@"
