#!/usr/bin/env python3
"""A second implementation of proto/join/PROTOCOL.md: lists the streams of a broadcaster,
joins one, receives some frames, and leaves. usage: join.py HOST PORT NAME FRAMES [USER PASSWORD]"""
import hashlib, hmac, os, socket, struct, sys, time

JOIN, CHALLENGE, LIST, REFUSE = 0, 1, 3, 5
REASONS = {401: "password missing or wrong", 403: "forbidden", 404: "no such stream", 429: "too many readers of this address", 453: "too many readers", 503: "not available"}
host, port, name, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode(), int(sys.argv[4])
user, password = (sys.argv[5:7] + ["", ""])[:2]
key = hashlib.pbkdf2_hmac("sha256", password.encode(), b"camcast:" + user.encode(), 200_000, 32)
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
sock.connect((host, port))
sock.settimeout(0.5)
ssrc, = struct.unpack("!I", os.urandom(4))
is_rtcp = lambda packet: len(packet) > 1 and 192 <= packet[1] <= 223

def prove(subtype, nonce, cookie, name):
    """Says who asks, as section 4.9 has it; nothing if nobody does, or there is no cookie to prove anything with."""
    if not user or not any(cookie):
        return b""
    who = bytes([len(user.encode())]) + user.encode()
    return who + hmac.new(key, b"CCJ1" + bytes([subtype]) + nonce + cookie + who + name, "sha256").digest()

def ask(subtype, rest, name=b""):
    """Asks until there is an answer other than a challenge."""
    nonce, cookie, deadline = os.urandom(8), bytes(20), time.monotonic() + 10
    while time.monotonic() < deadline:
        body = nonce + cookie + rest + prove(subtype, nonce, cookie, name)
        body += bytes(-len(body) % 4)
        sock.send(struct.pack("!BBHI4s", 0x80 | subtype, 204, 2 + len(body) // 4, ssrc, b"CCJ1") + body)
        try:
            answer = sock.recv(65536)
            while not is_rtcp(answer) or answer[8:12] != b"CCJ1" or answer[12:20] != nonce:
                answer = sock.recv(65536)
        except TimeoutError:
            continue
        if answer[0] & 31 != CHALLENGE:
            return answer[0] & 31, struct.unpack("!I", answer[4:8])[0], answer[20:]
        assert len(answer) <= 12 + len(body), "amplification"
        cookie = answer[20:40]
    sys.exit("no answer")

def stream(p):
    width, height, rate, clock, kind, length = struct.unpack("!HHIIBB", p[:14])
    return f"{p[14:14 + length].decode()} {width}x{height} {rate / 1000:g} {kind}", p[14 + length:]
def check(kind, body):
    if kind == REFUSE:
        reason, = struct.unpack("!H", body[:2])
        sys.exit(f"refused: {reason} {REASONS.get(reason, 'for another reason')}")
kind, _, body = ask(LIST, bytes(4))
check(kind, body)
rest = body[4:]
for _ in range(body[2]):
    text, rest = stream(rest)
    print("stream", text)
kind, source, body = ask(JOIN, bytes([len(name)]) + name, name)
check(kind, body)
print("joined", stream(body[8:])[0])
frames, lost, packets, expected, whole, reported = 0, 0, 0, None, False, time.monotonic()
while frames < wanted:
    packet = sock.recv(65536)
    if is_rtcp(packet) or struct.unpack("!I", packet[8:12])[0] != source:
        continue
    sequence, offset = struct.unpack("!H", packet[2:4])[0], int.from_bytes(packet[13:16], "big")
    lost += 0 if expected is None else (sequence - expected) % 65536
    whole = offset == 0 or whole and sequence == expected  # RFC 2435: a frame begins with offset 0
    expected, packets, frames = (sequence + 1) % 65536, packets + 1, frames + (whole and packet[1] >> 7)
    report = struct.pack("!BBHIIIIIII", 0x81, 201, 7, ssrc, source, lost & 0xffffff, sequence, 0, 0, 0)
    if time.monotonic() > reported + 5:  # which keeps us among the readers
        reported = time.monotonic()
        sock.send(report)
sock.send(report + struct.pack("!BBHI", 0x81, 203, 1, ssrc))  # and goodbye
print("frames", frames, "packets", packets, "lost", lost)
