#!/bin/bash
# Tests the daemon on real V4L2 drivers, in a virtual machine that run-vm.sh makes: a USB
# webcam behind uvcvideo, vivid, v4l2loopback. What is checked is in check/.
# usage: [CAMERAJOBS=2] test.sh [webcam|h264|encoded|m2m|pair|starts|host|raw]...        (default: all)
set -euo pipefail
cd "$(dirname "$0")/../../.."
vm=capture/v4l2/vm
vm_pid=
# The parts are run by this script, too, with what it has built.
if [ -n "${CAMCAST_CAMERA:-}" ]; then
    work=$CAMCAST_CAMERA
    trap '[ -z "$vm_pid" ] || kill "$vm_pid" 2>/dev/null || true' EXIT
else
    for old in "${TMPDIR:-/tmp}"/camcast-camera.*.*; do # of those that were killed
        pid=${old%.*} pid=${pid##*.}
        [ -d "/proc/$pid" ] || rm -rf "$old"
    done
    work=$(mktemp -d -t "camcast-camera.$$.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    CGO_ENABLED=1 go build -o "$work/camcast" ./cmd/camcast
    CGO_ENABLED=1 go build -o "$work/check" ./$vm/check
    CGO_ENABLED=0 go build -o "$work/uvcemu" ./$vm/uvcemu
fi

# The guest has no libraries but those brought along: what the programs are linked with,
# and libjpeg-turbo and OpenH264, which they look for themselves.
strace=$(command -v strace) || { echo "test.sh: there is no strace" >&2; exit 1; }
files=(-f "$work/camcast:/camcast" -f "$work/uvcemu:/uvcemu" -f "$strace:/strace")
turbo=$(ldconfig -p | awk '/libturbojpeg\.so\.0 .*x86-64/ && !n++ {print $NF}')
openh264=$(ldconfig -p | awk '/libopenh264\.so\.7 .*x86-64/ && !n++ {print $NF}')
while read -r library; do
    files+=(-f "$library:$library")
done < <({ ldd "$work/camcast" "$work/check" "$strace" ${turbo:+"$turbo"} ${openh264:+"$openh264"}; echo "=> ${turbo:-} => ${openh264:-}"; } |
    grep -o '/[^ ]*\.so[^ ]*' | sort -u)
[ -z "$turbo" ] || files+=(-s "export LD_LIBRARY_PATH=$(dirname "$turbo")")

# in_vm GROUP...: runs groups of checks; what drivers there are is in the environment.
in_vm() { setpriv --pdeathsig TERM "$vm/run-vm.sh" -t 400 "${VM_MODULES:--u}" "${files[@]}" "$work/check" "$@"; }

# A webcam behind uvcvideo, which is /dev/video0 when there is no other.
webcam() { VM_VIVID=no VM_LOOPBACK=no in_vm uvc; }

# The webcam's H.264: three groups of ten frames.
h264() {
    ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=640x480:r=30:d=1 -pix_fmt yuv420p -c:v libx264 -preset ultrafast \
        -tune zerolatency -x264-params aud=1:keyint=10:repeat-headers=1:slices=1 -f h264 "$work/clip.h264"
    files+=(-f "$work/clip.h264:/clip.h264")
    VM_VIVID=no VM_LOOPBACK=no in_vm h264
}

# The webcam's pictures as JPEG, and encoded to H.264 in two sizes.
encoded() { VM_VIVID=no VM_LOOPBACK=no in_vm encoded; }

# An encoder of the kernel: vicodec, whose FWHT stands for H.264.
m2m() { VM_VIVID=no VM_LOOPBACK=no VM_MODULES=-e in_vm m2m; }

# Two webcams, one of which is unplugged for half a minute, and one that comes late.
pair() { VM_VIVID=no VM_LOOPBACK=no in_vm pair; }

# Fifty starts of the daemon in a row.
starts() { VM_VIVID=no VM_LOOPBACK=no in_vm starts; }

# ffmpeg on the host plays what the guest serves.
host() {
    local port=18554 url
    url=rtsp://127.0.0.1:$port/cam
    VM_VIVID=no VM_LOOPBACK=no VM_HOSTFWD=",hostfwd=tcp:127.0.0.1:$port-:8554" \
        setpriv --pdeathsig TERM "$vm/run-vm.sh" -t 120 -u -n "${files[@]}" "$work/check" serve >"$work/host" 2>&1 &
    vm_pid=$!
    tail -n +1 -f --pid="$vm_pid" "$work/host" | grep -q -m1 -E '^serving' || true
    local played
    played=$(timeout -k 2 60 ffmpeg -nostdin -loglevel warning -stats -timeout 20000000 -rtsp_transport tcp \
        -i "$url" -frames:v 60 -f null - 2>&1 | tr '\r' '\n' | grep -o 'frame= *[0-9]*' | tail -1 || true)
    wait "$vm_pid" || { cat "$work/host"; echo "FAILED host: the guest failed"; return 1; }
    vm_pid=
    cat "$work/host"
    [ "${played//[!0-9]/}" = 60 ] || { echo "FAILED host: ffmpeg played '$played', want 60 frames"; return 1; }
    echo "  ffmpeg on the host: 60 of 60 frames"
}

# vivid's raw formats and controls, and v4l2loopback's MJPEG.
raw() { in_vm vivid loopback; }

if [ -n "${CAMCAST_CAMERA:-}" ]; then
    if "$1" >"$work/$1.log" 2>&1; then touch "$work/$1.passed"; fi
    exec 9>"$work/lock"
    flock 9
    echo "== $1"
    cat "$work/$1.log"
    exit
fi
# Some at a time, as most of them wait for a part of their time; the longest first. Each prints what it has found at
# its end.
[ $# -gt 0 ] || set -- pair raw starts webcam h264 encoded host m2m
export CAMCAST_CAMERA=$work
for name; do
    while [ "$(jobs -rp | wc -l)" -ge "${CAMERAJOBS:-2}" ]; do wait -n || true; done
    setpriv --pdeathsig TERM "$vm/test.sh" "$name" &
done
wait
for name; do
    [ -e "$work/$name.passed" ] || { echo "test.sh: some checks failed" >&2; exit 1; }
done
echo "all camera checks passed"
