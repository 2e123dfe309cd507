#!/bin/bash
# Traces the daemon's system calls with six players, five seconds of them together: RTSP over UDP and over TCP,
# .mjpg and .mp4 by HTTP, WebRTC. It checks that
#   - the thread that serves never sleeps,
#   - one thread makes all socket, epoll and timer calls, and takes all frames from a camera; others only accept
#     HTTP connections, read their requests and answer the one for WebRTC,
#   - that thread sends all streams, those over HTTP and by WebRTC too,
#   - no packet has a system call of its own that a batch could save.
# usage: trace.sh [SOURCE]        (default testcard:)
set -euo pipefail
cd "$(dirname "$0")/../.."
source=${1:-testcard:}
for old in "${TMPDIR:-/tmp}"/camcast-trace.*.*; do # of those that were killed
    pid=${old%.*} pid=${pid##*.}
    [ -d "/proc/$pid" ] || rm -rf "$old"
done
work=$(mktemp -d -t "camcast-trace.$$.XXXXXX")
pids=()
# What is started ends with this script, even if that is killed.
with_us=(setpriv --pdeathsig TERM)
strace_pid= # it blocks SIGTERM; the daemon ends with it
cleanup() {
    [ -z "$strace_pid" ] || kill -KILL "$strace_pid" 2>/dev/null || true
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT

go build -o "$work/camcast" ./cmd/camcast
mkfifo "$work/announcement"
setpriv --pdeathsig KILL strace -f -qq -yy -o "$work/trace" "${with_us[@]}" "$work/camcast" --rtsp 127.0.0.1:0 --rtp 127.0.0.1:0 --http 127.0.0.1:0 \
    "$source" >"$work/announcement" 2>"$work/log" &
strace_pid=$!
exec 3<"$work/announcement"
url= http=
while [ -z "$url" ] || [ -z "$http" ]; do
    read -r -t 30 line <&3 || break
    [ -n "$url" ] || url=$(grep -o 'rtsp://[^ ]*' <<<"$line" | head -1 || true)
    [ -n "$http" ] || http=$(grep -o 'http://[^ ]*\.mjpg' <<<"$line" | head -1 || true)
done
[ -n "$url" ] && [ -n "$http" ] || { cat "$work/log" >&2; echo "trace: the daemon announced no stream" >&2; exit 1; }

# Two players over UDP, two by HTTP and one by WebRTC, and when all are there one over TCP, for five seconds.
players=()
run() { "${with_us[@]}" timeout -k 2 60 "$@" >/dev/null 2>&1 & players+=($!); pids+=($!); }
run ffmpeg -nostdin -rtsp_transport udp -i "$url" -f null -
run gst-launch-1.0 -q rtspsrc location="$url" protocols=udp ! rtpjpegdepay ! jpegdec ! fakesink
run ffmpeg -nostdin -f mpjpeg -i "$http" -f null -
run ffmpeg -nostdin -i "${http%.mjpg}.mp4" -f null -
run /usr/bin/python3 cmd/camcast/testdata/whep.py "${http%.mjpg}/whep" 60
mkfifo "$work/following"
"${with_us[@]}" tail -n +1 -f "$work/log" >"$work/following" &
pids+=($!)
exec 4<"$work/following"
there=0
while [ "$there" -lt 5 ] && read -r -t 30 line <&4; do
    case $line in *"reader joined"*) there=$((there + 1)) ;; esac
done
timeout -k 2 5 ffmpeg -nostdin -rtsp_transport tcp -i "$url" -f null - >/dev/null 2>&1 || true
kill "${players[@]}" 2>/dev/null || true
for pid in "${players[@]}"; do wait "$pid" || true; done
daemon=$(pgrep -P "$strace_pid")
kill -TERM "$daemon"
wait "$strace_pid" || { cat "$work/log" >&2; echo "trace: the daemon failed" >&2; exit 1; }

joined=$(grep -c 'reader joined' "$work/log" || true)
[ "$joined" -ge 6 ] || { cat "$work/log" >&2; echo "trace: $joined of 6 players joined" >&2; exit 1; }

port=${http#http://*:}
gawk -v main="$daemon" -v http="${port%%/*}" -f cmd/camcast/trace.awk "$work/log" "$work/trace"
