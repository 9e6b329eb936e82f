# SPDX-License-Identifier: BSL-1.0
"""Clients of echo_server --mode frames, well- and ill-behaved, side by side: each does one thing again and again, and
knows how it has to end.
"""
import asyncio
import collections
import contextlib
import random
import socket
import struct
import time

IDLE = 20.0   # seconds: the server's --idle
FRAME = 10.0  # its frame timeout
DEAF = 61.0   # by when a peer that never reads is cut
SLACK = 3.0


class Wrong(Exception):
    """The server did something else than it has to."""


class Peer:
    """A connection, in a `with` block."""

    def __init__(self, address):
        self.loop = asyncio.get_running_loop()
        self.address = address
        self.socket = socket.socket()
        self.socket.setblocking(False)

    async def __aenter__(self):
        await self.loop.sock_connect(self.socket, self.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    async def __aexit__(self, *_):
        self.socket.close()

    async def send(self, octets):
        await self.loop.sock_sendall(self.socket, octets)

    async def receive(self, size):
        got = b""
        while len(got) < size:
            piece = await self.loop.sock_recv(self.socket, size - len(got))
            if not piece:
                raise Wrong(f"the stream ended after {len(got)} of {size} bytes")
            got += piece
        return got

    async def expect(self, octets):
        if await self.receive(len(octets)) != octets:
            raise Wrong("an answer is not what was sent")

    async def ends(self, earliest, latest):
        """Waits for the server to end it, in that many seconds."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(latest + SLACK):
                with contextlib.suppress(ConnectionResetError):
                    while await self.loop.sock_recv(self.socket, 65536):
                        pass
        except TimeoutError:
            raise Wrong(f"still open after {latest + SLACK:.0f} s") from None
        if time.monotonic() - began < earliest:
            raise Wrong(f"cut after {time.monotonic() - began:.1f} s, which is too early")


def framed(payload):
    return len(payload).to_bytes(4, "big") + payload


async def polite(peer):
    for _ in range(50):
        frame = framed(random.randbytes(random.choice((0, 1, 64, 1000, 8192))))
        await peer.send(frame)
        await peer.expect(frame)


async def in_bursts(peer):
    frames = b"".join(framed(random.randbytes(100)) for _ in range(64))
    await peer.send(frames)
    await peer.expect(frames)


async def byte_by_byte(peer):
    frame = framed(b"a letter at a time")
    for at in range(len(frame)):
        await peer.send(frame[at:at + 1])
        await asyncio.sleep(0)
    await peer.expect(frame)


async def large(peer):
    frame = framed(random.randbytes(1024 * 1024))
    await asyncio.gather(peer.send(frame), peer.expect(frame))


async def half_close(peer):
    frame = framed(b"the last word")
    await peer.send(frame)
    peer.socket.shutdown(socket.SHUT_WR)
    await peer.expect(frame)
    await peer.ends(0, 1)


async def leave(_):
    pass


async def reset(peer):
    await peer.send(framed(bytes(5000))[:random.randrange(1, 5004)])
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def claim_too_much(peer):
    await peer.send(b"\xff\xff\xff\xff")
    await peer.ends(0, 1)


async def speak_http(peer):
    await peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await peer.ends(0, 1)


async def stall_in_a_head(peer):
    await peer.send(b"\0\0")
    await peer.ends(FRAME - 0.5, FRAME)


async def be_silent(peer):
    await peer.ends(IDLE - 1, IDLE)


async def read_nothing(peer):
    frame = framed(bytes(1024 * 1024))
    began = time.monotonic()
    try:
        async with asyncio.timeout(DEAF + SLACK):
            while True:
                await peer.send(frame)
    except (ConnectionResetError, BrokenPipeError):
        pass
    except TimeoutError:
        raise Wrong(f"a peer that reads nothing is there after {DEAF + SLACK:.0f} s") from None
    if time.monotonic() - began < 5:
        raise Wrong("a peer that reads nothing was cut at once")


# How many of each there are at once.
CROWD = {polite: 20, in_bursts: 5, byte_by_byte: 10, large: 2, half_close: 5, leave: 2, reset: 5, claim_too_much: 5,
         speak_http: 5, stall_in_a_head: 30, be_silent: 30, read_nothing: 5}


async def again_and_again(what, address, until, done):
    while time.monotonic() < until:
        async with Peer(address) as peer:
            await what(peer)
        done[what.__name__] += 1
        await asyncio.sleep(0.01)


async def crowd(address, seconds, progress):
    """Runs them all for so long, and then until each has come to its end: {kind: how often}. Raises Wrong."""
    done = collections.Counter()
    until = time.monotonic() + seconds

    async def tell():
        while True:
            await asyncio.sleep(10)
            progress(dict(done))

    async with asyncio.TaskGroup() as group:
        teller = group.create_task(tell())
        all_of_them = [group.create_task(again_and_again(what, address, until, done))
                       for what, number in CROWD.items() for _ in range(number)]
        await asyncio.gather(*all_of_them)
        teller.cancel()
    return dict(done)
