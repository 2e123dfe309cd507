#!/bin/sh
# Measures the daemon beside a gortsplib server with 600 RTSP/UDP readers on loopback.
# usage: versus.sh [FLAG...]      (flags of versus: -readers, -fps, -seconds, -rounds)
set -eu
cd "$(dirname "$0")/.."
for old in "${TMPDIR:-/tmp}"/camcast-versus.*.*; do # of those that were killed
    pid=${old%.*} pid=${pid##*.}
    [ -d "/proc/$pid" ] || rm -rf "$old"
done
work=$(mktemp -d -t "camcast-versus.$$.XXXXXX")
versus=
trap '[ -z "$versus" ] || kill "$versus" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT # dash has a signal end it without that
trap 'exit 143' TERM
go build -o "$work/camcast" ./cmd/camcast
go build -o "$work/versus" ./bench/versus
ulimit -n 20000 2>/dev/null || true
# In the background, as a signal is else noticed only when it has ended.
setpriv --pdeathsig TERM "$work/versus" -camcast "$work/camcast" "$@" &
versus=$!
wait "$versus"
