# Reads the daemon's closing figures and strace's output; prints who made which calls
# and fails if a rule is broken. main is the process id, which is the first thread's, and http the port of HTTP.

function fail(what) { print "FAILED: " what; failed = 1 }

# The figures: how many frames there were, how many packets went out, and in how many
# sends.
FILENAME ~ /log$/ {
    if (match($0, /^[^ ]+: ([0-9]+) frames \(/, m)) frames += m[1]
    if (match($0, /delivered ([0-9]+) frames, ([0-9]+) packets/, m)) { deliveries += m[1]; packets += m[2] }
    if (match($0, /^sockets: ([0-9]+) sends of ([0-9]+) messages/, m)) { sends = m[1]; messages = m[2] }
    next
}

# PID call(FD<WHAT>, arguments) = result, or "<... call resumed>", which was counted when it began.
match($0, /^([0-9]+) +([a-z0-9_]+)\(/, m) {
    thread = m[1]; call = m[2]
    # The runtime has an epoll instance of its own, for packages os and net, where HTTP connections
    # are until a stream is sent on them.
    if (call == "epoll_pwait2" && thread == main && match($0, /epoll_pwait2\(([0-9]+)/, fd)) our_epoll = fd[1]
    if (call == "epoll_pwait" && thread != main && match($0, /epoll_pwait\(([0-9]+)/, fd)) { looks[fd[1]]++; next }
    if (thread != main) {
        # net/http accepts connections on its port, and has the runtime's poller watch them.
        if (call == "accept4" && index($0, "<TCP:[127.0.0.1:" http "]>")) { accepts++; next }
        # It answers requests, too: the one that opens a session of WebRTC.
        if (call == "write" && index($0, "<TCP:[127.0.0.1:" http "->")) { answers++; next }
        if (call == "epoll_ctl" && match($0, /epoll_ctl\(([0-9]+)/, fd)) { watches[fd[1]]++; next }
        if (call == "write" && $0 ~ /write\([0-9]+<(TCP|UDP|socket:)/) call = "write(socket)"
    }
    if (call == "sendto" && $0 ~ /sendto\([0-9]+<NETLINK:/) next # asks the kernel, at the start, which addresses this machine has
    if (call == "writev" && index($0, "<TCP:[127.0.0.1:" http "->")) to_http++
    count[thread, call]++
    total[thread]++
    calls[call]++
    # Other threads open and close cameras, and one takes their frames.
    if (call == "ioctl" && $0 ~ /VIDIOC_DQBUF/) { count[thread, "ioctl(DQBUF)"]++; calls["ioctl(DQBUF)"]++ }
}

END {
    if (our_epoll == "") fail("the serving thread does not wait by epoll_pwait2")
    if (looks[our_epoll]) fail("other threads wait for our fds " looks[our_epoll] " times")
    if (watches[our_epoll]) fail("other threads change what we wait for " watches[our_epoll] " times")
    for (epoll in looks) runtime_polls += looks[epoll]
    split("nanosleep clock_nanosleep select pselect6 poll ppoll pause", sleepers)
    split("socket bind listen connect accept accept4 sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg " \
          "epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 timerfd_create timerfd_settime writev write(socket) ioctl(DQBUF)", io)

    print "system calls of the serving thread (" main "):"
    for (i in io) order[io[i]]
    for (call in order) if (count[main, call]) printf "  %-16s %d\n", call, count[main, call] | "sort -k2 -n -r"
    close("sort -k2 -n -r")

    for (i in sleepers) {
        own_sleeps += count[main, sleepers[i]]
        if (count[main, sleepers[i]]) fail("the serving thread calls " sleepers[i] " " count[main, sleepers[i]] " times")
    }
    for (t in total) {
        if (t == main) continue
        for (i in io) if (count[t, io[i]]) fail("thread " t " calls " io[i] " " count[t, io[i]] " times")
        for (i in sleepers) others_sleep += count[t, sleepers[i]]
    }
    print "sleeps of the serving thread: " own_sleeps + 0
    print "sleeps of the Go runtime's own threads (its monitor and garbage collector, which serve nobody): " others_sleep + 0

    print "HTTP connections that other threads waited for: " accepts + 0 " times"
    print "answers that other threads wrote to HTTP connections: " answers + 0
    print "sends of this thread to HTTP viewers: " to_http + 0

    if (answers > 2) fail("other threads write to HTTP connections " answers " times")
    if (to_http < 2 * 60) fail("only " to_http + 0 " sends to the HTTP viewers")
    if (frames < 60) fail("only " frames + 0 " frames in the figures")
    if (count[main, "sendto"] + count[main, "sendmsg"] > 0) fail("single sends")
    print "looks of these threads at the runtime's own poller: " runtime_polls + 0
    printf "frames %d, deliveries to readers %d, packets in them %d, sendmmsg calls %d, messages in these %d\n", \
        frames, deliveries, packets, sends, messages
    # Two UDP readers: each burst of a frame goes to both in one call. The one by WebRTC has messages of its own.
    if (messages < 1.25 * sends) fail("the bursts of several readers do not share a call")
    if (packets < 4 * messages) fail("packets go out one by one")
    if (failed) exit 1
    print "ok"
}
