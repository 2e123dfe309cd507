"""Plays a stream by WHEP with aiortc for some seconds and prints how many frames came, and how many of them are whole and in
their order. usage: whep.py URL SECONDS [audio]: audio is asked for, too, before the video, as many players do."""
import asyncio
import json
import sys
import urllib.parse
import urllib.request

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

# It leaves loopback addresses out, at which the tests' servers are.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def ask(method, url, body=None):
    request = urllib.request.Request(url, method=method, data=body, headers={"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers.get("Location"), answer.read().decode()


async def count(track, seconds, frames):
    try:
        async with asyncio.timeout(10):
            await track.recv()  # from the first one on
        async with asyncio.timeout(seconds):
            while True:
                frames.append(await track.recv())
    except (TimeoutError, MediaStreamError):
        pass


async def play(url, seconds, kinds):
    connection, frames, tracks = RTCPeerConnection(RTCConfiguration(iceServers=[])), [], asyncio.Queue()
    for kind in kinds:
        connection.addTransceiver(kind, direction="recvonly")
    connection.on("track", tracks.put_nowait)
    await connection.setLocalDescription(await connection.createOffer())
    location, answer = await asyncio.to_thread(ask, "POST", url, connection.localDescription.sdp.encode())
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    async with asyncio.timeout(10):
        track = await tracks.get()
    await count(track, seconds, frames)
    times = [f.pts for f in frames]
    await asyncio.to_thread(ask, "DELETE", urllib.parse.urljoin(url, location))
    await connection.close()
    sizes = sorted({(f.width, f.height) for f in frames})
    print(json.dumps({"frames": len(frames), "ordered": times == sorted(set(times)), "sizes": sizes}))


asyncio.run(play(sys.argv[1], float(sys.argv[2]), [*sys.argv[3:], "video"]))
