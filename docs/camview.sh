#!/bin/sh
# Makes docs/camview.png: the test card in camview, in a terminal of 100 columns and 39
# lines. It takes tmux.
set -eu
cd "$(dirname "$0")/.."

columns=100
rows=39
work=$(mktemp -d)
daemon=
finish() {
    tmux -S "$work/tmux" kill-server 2>/dev/null || true
    [ -z "$daemon" ] || kill "$daemon"
    rm -rf "$work"
}
trap finish EXIT

go build -o "$work" ./cmd/camcast ./cmd/camview ./cmd/camview/term/screen/screenshot
"$work/camcast" --rtsp 127.0.0.1:0 --rtp 127.0.0.1:0 'testcard:?size=640x480&fps=30' >"$work/announced" 2>"$work/log" &
daemon=$!
url=
until [ -n "$url" ]; do
    sleep 0.1
    url=$(grep -om1 'rtsp://[^ ]*' "$work/announced" || true)
done
tmux -S "$work/tmux" new-session -d -x "$columns" -y "$rows" "env -u NO_COLOR COLORTERM=truecolor $work/camview $url"
# Until the pictures' age is known.
until tmux -S "$work/tmux" capture-pane -p | grep -q 'live.*age [0-9]'; do sleep 0.1; done
tmux -S "$work/tmux" capture-pane -e -p >"$work/captured"
"$work/screenshot" "$columns" "$rows" <"$work/captured" >docs/camview.png
ls -l docs/camview.png
