#!/bin/bash
# run-vm.sh - run a static binary as the one job of a tiny QEMU VM that has real V4L2 devices:
# vivid as /dev/video0 (raw formats, error injection), v4l2loopback as /dev/video10 (fed by a writer).
#
#   run-vm.sh [-t SECS] [-f HOSTFILE[:GUESTPATH]]... [-o OUTDIR] [-s SHELL_TEXT] [-n] [-u] [-d] BINARY [ARG]...
#     -t  wall-clock limit of the VM (120)     -f  extra file (default guest path: /NAME)     -d  kernel messages
#     -o  copy the guest's /out to OUTDIR      -s  shell text the guest runs before BINARY (export, insmod, cd)
#     -u  load uvcvideo and vhci-hcd too: a user-space USB/IP program (uvcemu) can then plug in a UVC webcam
#     -e  load vicodec too: a stateful memory-to-memory encoder, which codes FWHT (its modules are built at the first use)
#     -n  network card (slirp): guest 10.0.2.15; guest -> 10.0.2.2:P arrives at the host's 127.0.0.1:P
#   Exit status: BINARY's own (128+n if signal n ended it); 124: timed out; 125: rig error or the VM died.
#   Env: VM_CACHE (~/.cache/camcast-vm)  VM_SMP (2)  VM_MEM (MiB, 512)  VM_ACCEL (tcg,thread=multi)
#        VM_VIVID, VM_LOOPBACK: module options ("no": not loaded)  VM_HOSTFWD (",hostfwd=udp:127.0.0.1:5000-:5000")
#   Needs: qemu-system-x86 busybox-static cpio kmod xz-utils, apt lists; make, gcc-12, libelf1 for v4l2loopback.
set -euo pipefail
CACHE=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/camcast-vm}
VIVID=${VM_VIVID:-n_devs=1 node_types=0x1 multiplanar=1 input_types=0xe4}
LOOP=${VM_LOOPBACK:-devices=1 video_nr=10 card_label=loop exclusive_caps=1 max_buffers=4}
LIMIT=120 OUT='' SETUP='' QUIET=quiet UVC=0 M2M=0 FILES=() NET=()
die() { echo "run-vm: $*" >&2; exit 125; }
while getopts t:f:o:s:nued o; do case $o in
  t) LIMIT=$OPTARG;; f) FILES+=("$OPTARG");; o) OUT=$OPTARG;; s) SETUP=$OPTARG;; u) UVC=1;; e) M2M=1;; d) QUIET='';;
  n) NET=(-netdev "user,id=n0${VM_HOSTFWD:-}" -device virtio-net-pci,netdev=n0,romfile=);; *) die usage;;
esac; done
shift $((OPTIND - 1)); [ $# -ge 1 ] && [ -x "$1" ] || die "no executable given"

# ---- the guest's init. ttyS0: BINARY's output; ttyS1: kernel console; ttyS2: "status N", then a tar of /out ----
guest_init() { cat <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin; export PATH=/bin HOME=/tmp TMPDIR=/tmp
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev; mount -t tmpfs t /tmp
mkdir -p /dev/shm /dev/pts; mount -t tmpfs t /dev/shm; mount -t devpts d /dev/pts
stty -F /dev/ttyS0 raw -echo; stty -F /dev/ttyS2 raw -echo
. /job/env
load() { while read -r want ko; do [ "$want" != "$1" ] || [ -d /sys/module/$(echo ${ko%.ko} | tr - _) ] || insmod /modules/$ko; done < /modules/order; }
modopts() { m=$1; shift; [ "$1" = no ] || { load $m; insmod /modules/$m.ko "$@"; }; }
modopts vivid $VIVID
[ ! -f /modules/v4l2loopback.ko ] || modopts v4l2loopback $LOOP
[ "$UVC" = 0 ] || { load uvcvideo; load vhci-hcd; }
[ "$M2M" = 0 ] || { load uvcvideo; insmod /modules/v4l2-mem2mem.ko; insmod /modules/vicodec.ko multiplanar=1; }
ip link set lo up
if [ "$NET" = 1 ]; then
  load virtio_pci; load virtio_net; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
fi
cd /tmp; sh /job/run < /dev/null > /dev/ttyS0 2>&1; st=$?
exec > /dev/ttyS2; echo "status $st"; [ "$WANTOUT" = 0 ] || tar -C /out -c .
sync; poweroff -f
INIT
}

# ---- once per kernel version: packages -> $CACHE/ready/{vmlinux,base.cpio} ----------------------------
kernel_version() { apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/.*Depends: linux-image-//p' | head -1; }
build_cache() {
  local t kv k src m ko h
  t=$(mktemp -d "$CACHE/tmp.XXXXXX")
  kv=$(kernel_version)
  if [ -z "$kv" ]; then # a machine whose package lists were never fetched
    $([ "$(id -u)" = 0 ] || echo sudo) apt-get -qq update || true
    kv=$(kernel_version)
  fi
  [ -n "$kv" ] || die "apt knows no linux-image-amd64: run apt-get update"
  k=linux-kbuild-${kv%%.0-*} h=linux-headers-$kv
  (cd "$t" && apt-get -qq -o APT::Sandbox::User=root download \
    "linux-image-$kv" v4l2loopback-dkms "$h" "linux-headers-${kv%-amd64}-common" "$k") || die "download failed"
  for m in "$t"/*.deb; do dpkg-deb -x "$m" "$t/root"; done
  depmod -b "$t/root" "$kv"
  # uncompressed kernel, booted through PVH: saves 2.5 s of emulated xz (fields: Linux x86 boot protocol)
  k=$t/root/boot/vmlinuz-$kv; m=$(od -An -tu4 -j584 -N4 "$k") h=$(od -An -tu1 -j497 -N1 "$k")
  xz -dcq --single-stream < <(tail -c +$((m + (h + 1) * 512 + 1)) "$k") > "$t/vmlinux" || die "vmlinuz is not xz"
  # v4l2loopback, out of tree, against the unpacked (not installed) headers
  h=$t/root/usr/src/linux-headers-$kv; src=$(echo "$t"/root/usr/src/v4l2loopback-*)
  sed -i "s| /usr/src/| $t/root/usr/src/|" "$h/Makefile"
  make -C "$h" M="$src" modules > "$t/loop.log" 2>&1 || { tail -5 "$t/loop.log" >&2; echo "run-vm: no v4l2loopback" >&2; }
  mkdir -p "$t"/base/{bin,dev,proc,sys,tmp,out,modules}
  cp "$(command -v busybox)" "$t/base/bin/busybox"
  for m in vivid virtio_pci virtio_net uvcvideo vhci-hcd; do
    modprobe -d "$t/root" -S "$kv" --show-depends $m | while read -r _ ko _; do
      cp "$ko" "$t/base/modules/"; ko=${ko##*/}; [ "$ko" = vivid.ko ] || echo "$m $ko"; done
  done > "$t/order"; mv "$t/order" "$t/base/modules/order"
  [ ! -f "$src/v4l2loopback.ko" ] || strip -g -o "$t/base/modules/v4l2loopback.ko" "$src/v4l2loopback.ko"
  (cd "$t/base" && find . | cpio -o -H newc --quiet) > "$t/base.cpio"
  rm -rf "$t/root" "$t/base" "$t"/*.deb; mv -T "$t" "$CACHE/ready"
}

# ---- once per kernel version: vicodec, which Debian does not build -> $CACHE/vicodec -------------------------
build_vicodec() {
  local t kv h m s=linux-source-6.1/drivers/media
  t=$(mktemp -d "$CACHE/tmp.XXXXXX")
  kv=$(grep -aom1 'Linux version [^ ]*' "$CACHE/ready/vmlinux"); kv=${kv##* }
  (cd "$t" && apt-get -qq -o APT::Sandbox::User=root download "linux-headers-$kv" "linux-headers-${kv%-amd64}-common" linux-kbuild-6.1 linux-source-6.1) ||
    die "download failed: if Debian has a newer kernel than $kv, remove $CACHE/ready"
  for m in "$t"/linux-headers-*.deb "$t"/linux-kbuild-*.deb; do dpkg-deb -x "$m" "$t/root"; done
  dpkg-deb --fsys-tarfile "$t"/linux-source-6.1*.deb | tar -xO --wildcards '*linux-source-6.1.tar.xz' | xz -dc |
    tar -x -C "$t" --wildcards "$s/test-drivers/vicodec/*" "$s/v4l2-core/v4l2-mem2mem.c"
  h=$t/root/usr/src/linux-headers-$kv
  sed -i "s| /usr/src/| $t/root/usr/src/|" "$h/Makefile"
  mkdir "$t/mod" "$t/out"; cp "$t/$s"/test-drivers/vicodec/*.[ch] "$t/$s/v4l2-core/v4l2-mem2mem.c" "$t/mod/"
  printf 'obj-m := v4l2-mem2mem.o vicodec.o\nvicodec-y := vicodec-core.o codec-fwht.o codec-v4l2-fwht.o\n' > "$t/mod/Kbuild"
  make -C "$h" M="$t/mod" modules > "$t/log" 2>&1 || { tail -5 "$t/log" >&2; die "no vicodec"; }
  for m in v4l2-mem2mem vicodec; do strip -g -o "$t/out/$m.ko" "$t/mod/$m.ko"; done
  mv -T "$t/out" "$CACHE/vicodec"; rm -rf "$t"
}
mkdir -p "$CACHE"; exec 9> "$CACHE/lock"; flock 9; rm -rf "$CACHE"/tmp.* # of those that were killed
[ -f "$CACHE/ready/base.cpio" ] || build_cache
[ "$M2M" = 0 ] || [ -f "$CACHE/vicodec/vicodec.ko" ] || build_vicodec
exec 9>&-

# ---- this run's files, appended as a second cpio archive ------------------------------------------------
for old in "${TMPDIR:-/tmp}"/camcast-vm.*.*; do # of those that were killed
  pid=${old%.*} pid=${pid##*.}; [ -d "/proc/$pid" ] || rm -rf "$old"
done
T=$(mktemp -d -t "camcast-vm.$$.XXXXXX"); trap 'rm -rf "$T"' EXIT; trap 'exit 143' TERM; trap 'exit 130' INT
q() { printf "'%s' " "${1//\'/\'\\\'\'}"; }
mkdir -p "$T/o/job"; cp "$1" "$T/o/job/bin"; chmod 755 "$T/o/job/bin"; shift
for f in ${FILES[@]+"${FILES[@]}"}; do
  g=${f#*:}; [ "$g" != "$f" ] || g=/${f##*/}
  mkdir -p "$T/o/$(dirname "$g")"; cp -rL "${f%%:*}" "$T/o/$g" # what links point to: the guest has no more
done
[ "$M2M" = 0 ] || { mkdir -p "$T/o/modules"; cp "$CACHE"/vicodec/*.ko "$T/o/modules/"; }
guest_init > "$T/o/init"; chmod 755 "$T/o/init"
printf 'VIVID=%sLOOP=%sNET=%s WANTOUT=%s UVC=%s M2M=%s\n' "$(q "$VIVID")" "$(q "$LOOP")" "$((${#NET[@]} > 0))" "$((${#OUT} > 0))" "$UVC" "$M2M" > "$T/o/job/env"
{ echo "$SETUP"; printf 'exec /job/bin '; for a; do q "$a"; done; echo; } > "$T/o/job/run"
(cd "$T/o" && find . | cpio -o -H newc --quiet) | cat "$CACHE/ready/base.cpio" - > "$T/initrd"

# ---- boot (through cat: qemu would make our own stdout non-blocking) --------------------------------------
set +e
exec 8> >(cat); out=$!
# In the background, as a signal is else noticed only when the VM has ended, which ends with this script.
setpriv --pdeathsig TERM timeout -k 5 "$LIMIT" qemu-system-x86_64 -accel "${VM_ACCEL:-tcg,thread=multi}" -M pc -cpu max -smp "${VM_SMP:-2}" -m "${VM_MEM:-512}" \
  -nodefaults -display none -no-reboot -kernel "$CACHE/ready/vmlinux" -initrd "$T/initrd" \
  -append "console=ttyS1 $QUIET panic=-1 nokaslr mitigations=off no_timer_check tsc=reliable no5lvl" \
  -serial stdio -serial "file:$T/console" -serial "file:$T/ret" ${NET[@]+"${NET[@]}"} < /dev/null >&8 8>&- &
wait $!
rc=$?
exec 8>&-; wait "$out" # all of the output is out
[ -n "$QUIET" ] || cat "$T/console" >&2
[ "$rc" != 124 ] || { tail -n 20 "$T/console" | cat -v >&2; echo "run-vm: timed out after $LIMIT s" >&2; exit 124; }
read -r _ st < "$T/ret" && [ "$rc" = 0 ] || { tail -n 40 "$T/console" | cat -v >&2; die "qemu exited $rc without a status from the guest"; }
[ -z "$OUT" ] || { mkdir -p "$OUT"; tail -n +2 "$T/ret" | tar -xf - -C "$OUT" || die "bad /out archive"; }
exit "$st"
