# SPDX-License-Identifier: BSL-1.0
"""Peers that take their time."""
import contextlib
import select
import socket
import time

from process import PATIENCE

KIB = 1024


def drip(peer, pieces, every):
    """Sends a piece each so many seconds, until something comes or the stream ends. Says whether it did before the last
    piece was sent."""
    readable = select.poll()
    readable.register(peer, select.POLLIN)
    for piece in pieces:
        with contextlib.suppress(ConnectionError):  # it has ended since the last look
            peer.sendall(piece)
        if readable.poll(every * 1000):
            return True
    return False


def until_the_end(peer):
    """What comes up to the end of the stream, or a reset."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := peer.recv(65536):
            got += piece
    return got


def seconds_to_the_end(peer, begin):
    """From that time on, up to the end of the stream or a reset."""
    with contextlib.suppress(ConnectionResetError):
        while peer.recv(65536):
            pass
    return time.monotonic() - begin


def reader_with_little_room(server, window=4 * KIB):
    """A connected socket that takes little before it is read, in segments as on an Ethernet. With loopback's own of 64
    KiB, or a large buffer, a reader of 30 KB/s acknowledges something only every two to five seconds."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
    peer.settimeout(PATIENCE)
    host, port = server.endpoint.removeprefix("tcp://").split(":")
    peer.connect((host, int(port)))
    return peer
