# make test installs what the tests need and passes them all; its parts run alone.

GO ?= go
# Without vet, which lint does.
TESTFLAGS ?= -race -shuffle=on -count=1 -vet=off

PACKAGES_GO      := gcc libc6-dev libturbojpeg0 libjpeg-turbo-progs libopenh264-7 ffmpeg python3
PACKAGES_PLAYERS := ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad mpv openssl iproute2 python3-aiortc gir1.2-gst-rtsp-server-1.0 python3-gi python3-opencv libopenh264-7
PACKAGES_BROWSER := chromium firefox-esr ffmpeg libopenh264-7 nftables
PACKAGES_TRACE   := ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good libopenh264-7 python3-aiortc strace gawk
PACKAGES_ADAPT   := gcc libc6-dev libturbojpeg0 iproute2 ethtool ffmpeg
PACKAGES_CLONE   := gcc libc6-dev libturbojpeg0 make clang-14 llvm-14 libbpf-dev linux-libc-dev iproute2 ethtool
PACKAGES_CAMERA  := libopenh264-7 qemu-system-x86 busybox-static cpio kmod xz-utils make gcc-12 libelf1 ffmpeg strace
PACKAGES_BENCH   := iproute2 ethtool nftables util-linux linux-perf rabbitmq-server gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
INSTALL          := .ci/install

.PHONY: build test lint unit unit-virtual unit-32bit test-attack test-encoders test-fuzz test-mutants test-players test-browser test-adapt test-clone test-camera test-trace bench bench-packages bench-reporter

test: lint unit test-players test-browser test-adapt test-clone test-trace test-camera

# The daemon and the viewer, in this folder.
build:
	$(GO) build -o . ./cmd/camcast ./cmd/camview

# Formatting, vet and staticcheck over all build tags, and govulncheck where its
# data can be had.
lint:
	$(INSTALL) $(PACKAGES_GO)
	.ci/lint

# First what runs on virtual time, as much at once as there are CPUs: with the race detector, and by
# 32-bit programs without it, which alone have the largest crowds and most seeds. Then the others one package
# at a time: some keep up with real time, and count what they miss. The attacks go without the race detector, which
# would make the attackers and the viewers the slow ones. The commands' own tests are run by test-players, with
# those that need players.
VIRTUAL := ./auth ./capture/file ./cast/... ./media/... ./metrics ./proto/... ./receive ./view/...
CODING  := ./capture/encode ./capture/internal/... ./capture/m2m ./capture/recode ./capture/rtsp ./capture/testcard ./cmd/camview/term/... ./cmd/commandline/... ./loop/sim ./loop/udp
REAL    := ./bench/... ./capture ./capture/capturetest ./capture/exec ./capture/pipe ./capture/v4l2/... ./certificate ./clone/... ./examples/... ./logqueue ./loop ./loop/histogram ./loop/tcp ./tlsbridge ./worker
unit:
	$(INSTALL) $(PACKAGES_GO)
	$(MAKE) -j2 --output-sync=target unit-virtual unit-32bit
	$(GO) test $(TESTFLAGS) -p 1 $(REAL)
	$(GO) test $(filter-out -race,$(TESTFLAGS)) ./attack
	$(GO) test $(TESTFLAGS) -tags turbojpeg ./capture/encode ./capture/testcard ./capture/v4l2

unit-virtual:
	$(GO) test $(TESTFLAGS) -timeout 20m $(VIRTUAL) $(CODING)

unit-32bit:
	CGO_ENABLED=0 GOARCH=386 $(GO) test $(filter-out -race,$(TESTFLAGS)) -timeout 20m ./loop/... $(VIRTUAL)

# Every attack of SECURITY.md with its full load: about an hour. unit runs them at a tenth.
# Without the race detector, which would make the attackers and the viewers the slow ones.
test-attack:
	$(INSTALL) $(PACKAGES_GO)
	$(GO) test -count=1 -timeout 2h -v ./attack -full

# Each fuzz target for FUZZTIME, a minute unless that is set: less than an hour.
test-fuzz:
	$(INSTALL) $(PACKAGES_GO)
	.ci/fuzz

# Whether the tests see faults: of changed conditions and operators in the rooms whose tests take
# seconds, 85 % are to make a test fail. It takes an hour or two.
test-mutants:
	$(INSTALL) $(PACKAGES_GO)
	.ci/mutants

# The test card in real players, and real servers in camview, in a network namespace of
# its own.
test-players:
	$(INSTALL) $(PACKAGES_GO) $(PACKAGES_PLAYERS)
	.ci/in-namespace $(GO) test $(TESTFLAGS) -tags players -v ./cmd/camcast ./cmd/camview ./openh264 ./proto/rtp

# The page in real browsers, in a network namespace of its own; axe-core, which looks for what keeps
# people with a keyboard or a screen reader out, comes from npm into a temporary folder. Pictures are watched for
# BROWSERTIME.
BROWSERTIME ?= 10s
test-browser:
	$(INSTALL) $(PACKAGES_GO) $(PACKAGES_BROWSER)
	command -v npm >/dev/null || $(INSTALL) npm # other packages of Node.js than Debian's have it, and conflict with that
	.ci/with-axe .ci/in-namespace $(GO) test $(TESTFLAGS) -timeout 1h -tags browser -run 'TestPage(In|For|Of)|TestFilms' -v ./cmd/camcast -browser-time $(BROWSERTIME)

# A minute of what encoders make of the test card, in ffmpeg and Chromium: some minutes. test-browser has two
# seconds of it.
test-encoders:
	$(INSTALL) $(PACKAGES_GO) $(PACKAGES_BROWSER)
	.ci/in-namespace $(GO) test -count=1 -timeout 1h -tags browser -run TestFilms -v ./cmd/camcast -film-time 60s

# Real V4L2 drivers, in virtual machines, CAMERAJOBS at a time.
test-camera:
	$(INSTALL) $(PACKAGES_GO) $(PACKAGES_CAMERA)
	capture/v4l2/vm/test.sh

# A slow link beside fast ones, and machines that are gone, in network namespaces, which only
# root can make; and that an interrupted test leaves none of them.
test-adapt:
	$(INSTALL) $(PACKAGES_ADAPT)
	$(GO) test $(TESTFLAGS) -tags adapt -run InANetwork -parallel 3 -v ./cmd/camcast
	$(GO) test $(TESTFLAGS) -tags adapt -v ./bench/rig

# The kernel's copies of a broadcast, in network namespaces, which only root can make.
test-clone:
	$(INSTALL) $(PACKAGES_CLONE)
	$(GO) test $(TESTFLAGS) -tags clone -v ./clone
	$(GO) test $(TESTFLAGS) -tags clone -run ClonedReaders -v ./cmd/camcast

# What system calls the daemon makes, and which thread makes them.
test-trace:
	$(INSTALL) $(PACKAGES_GO) $(PACKAGES_TRACE)
	cmd/camcast/trace.sh

# Every model of the broadcast, measured, and the report with its plots: less than 25 minutes.
# What it needs is installed while it is compiled, which needs no C.
bench bench-reporter: export CGO_ENABLED = 0
bench:
	$(MAKE) -j2 bench-packages bench-reporter
	$(GO) run ./bench/reporter -o bench/report

bench-packages:
	$(INSTALL) $(PACKAGES_BENCH)

bench-reporter:
	$(GO) build -o /dev/null ./bench/reporter
