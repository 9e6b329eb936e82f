# SPDX-License-Identifier: BSL-1.0
"""Many clients of one server at once, on one thread."""
import select
import socket
import struct
import time

from process import PATIENCE, abort, framed

IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h: the port is chosen when the peer is known
MANY = [f"127.0.1.{n}" for n in range(1, 65)]


AT_ONCE = 100  # connections that churn() has open


class Crowd:
    """Connections that each send one frame, their own number, and wait for its echo.

    They come from the given addresses by turns. Leaving the block resets them, so that no port stays taken.
    """

    def __init__(self, address, count, payload=None, sources=()):
        self.poll = select.epoll()
        self.open = {}      # by descriptor: the socket and what it still expects
        self.answered = []  # sockets whose answer is whole
        self.lost = []      # and those that ended before
        try:
            for number in range(count):
                peer = socket.socket()
                if sources:
                    peer.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                    peer.bind((sources[number % len(sources)], 0))
                peer.settimeout(PATIENCE)
                peer.connect(address)
                frame = framed(payload if payload is not None else number.to_bytes(4, "big"))
                peer.sendall(frame)
                peer.setblocking(False)
                self.open[peer.fileno()] = [peer, frame]
                self.poll.register(peer, select.EPOLLIN)
        except BaseException:
            self.close()
            raise

    def wait(self, count, seconds=None):
        """Waits until so many have their answers, or are lost, or the time is up; says how many have them. Without
        `seconds` it waits as long as somebody is answered now and then."""
        until = time.monotonic() + (PATIENCE if seconds is None else seconds)
        while len(self.answered) < count and self.open:
            ready = self.poll.poll(max(0, until - time.monotonic()))
            if not ready and time.monotonic() >= until:
                break
            for descriptor, _ in ready:
                self._receive(descriptor)
            if ready and seconds is None:
                until = time.monotonic() + PATIENCE
        return len(self.answered)

    def _receive(self, descriptor):
        peer, expected = self.open[descriptor]
        try:
            piece = peer.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if piece and expected.startswith(piece) and len(piece) < len(expected):
            self.open[descriptor][1] = expected[len(piece):]
            return
        self.poll.unregister(descriptor)
        del self.open[descriptor]
        (self.answered if piece == expected else self.lost).append(peer)

    def close(self):
        self.poll.close()
        for peer in [peer for peer, _ in self.open.values()] + self.answered + self.lost:
            if peer.fileno() >= 0:
                abort(peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def churn(address, count):
    """Connects, echoes one frame and resets, from 64 addresses, so many times."""
    frame = framed(b"churn")
    at_once = struct.pack("ii", 1, 0)
    poll = select.epoll()
    peers = {}
    started = done = 0
    while done < count:
        while started < count and len(peers) < AT_ONCE:
            peer = socket.socket()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            peer.bind((MANY[started % len(MANY)], 0))
            peer.connect(address)
            peer.send(frame)
            peer.setblocking(False)
            peers[peer.fileno()] = peer
            poll.register(peer, select.EPOLLIN)
            started += 1
        ready = poll.poll(PATIENCE)
        if not ready:
            raise AssertionError(f"{done} of {count} were served, and then nobody")
        for number, _ in ready:
            peer = peers.pop(number)
            if (answer := peer.recv(100)) != frame:
                raise AssertionError(f"expected {frame!r}, got {answer!r}")
            peer.close()
            done += 1
