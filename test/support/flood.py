# SPDX-License-Identifier: BSL-1.0
"""Connections of which none ever finishes its first frame, and others that are polite: what a full server is to do."""
import socket
import struct
import threading

from crowd import IP_BIND_ADDRESS_NO_PORT, MANY
from process import PATIENCE, exchange, framed

BETWEEN_DROPS = 0.2  # seconds
NEVER_WHOLE = framed(bytes(10_000))
HELLO_NEVER_WHOLE = b"\x16\x03\x01\x02\x00" + bytes([1, 0, 1, 252]) + bytes(500)  # of TLS
AT_ONCE = struct.pack("ii", 1, 0)


class Flood:
    """So many connections, from 64 addresses by turns. They are silent, or drip: each sends one byte of `drips` now and
    then, the first as soon as it is connected.

    Leaving the block resets them, so that no port stays taken.
    """

    def __init__(self, address, count, drips=b""):
        self._address = address
        self._drips = drips
        self._sent = 1
        self._open = []   # as they came, which is the order in which the server has them
        self._ended = []
        self._changes = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._drip, daemon=True)
        try:
            for number in range(count):
                self._open.append(self._connect(MANY[number % len(MANY)]))
        except BaseException:
            self.leave()
            raise
        if drips:
            self._thread.start()

    def _connect(self, source):
        peer = socket.socket()
        try:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            peer.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            peer.bind((source, 0))
            peer.settimeout(PATIENCE)
            peer.connect(self._address)
            if self._drips:
                peer.sendall(self._drips[:1])
            peer.setblocking(False)
        except BaseException:
            peer.close()
            raise
        return peer

    def _drip(self):
        while not self._stopped.wait(BETWEEN_DROPS) and self._sent < len(self._drips):
            with self._changes:
                for peer in self._open:
                    try:
                        peer.send(self._drips[self._sent:self._sent + 1])
                    except OSError:
                        pass  # it has been ended: ended() will see it
                self._sent += 1

    def drips_sent(self):
        """By each of them."""
        return self._sent

    def ended(self):
        """How many the server has ended so far."""
        with self._changes:
            still = []
            for peer in self._open:
                (self._ended if has_ended(peer) else still).append(peer)
            self._open = still
            return len(self._ended)

    def leave(self):
        """With a reset each."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        for peer in self._open + self._ended:
            peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()


def has_ended(peer):
    """Whether the other side has ended the stream of a socket that does not wait, or reset it."""
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Established:
    """Clients that have been served, and that each send a frame every so many seconds. Leaving the block expects that
    the server has ended none of them."""

    def __init__(self, server, count, seconds):
        self._peers = [server.connect() for _ in range(count)]
        self._seconds = seconds
        self._failed = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._exchange()
        self._thread.start()

    def _exchange(self):
        for peer in self._peers:
            exchange(peer)

    def _go_on(self):
        try:
            while not self._stopped.wait(self._seconds):
                self._exchange()
        except (AssertionError, OSError) as error:
            self._failed = error

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        self._stopped.set()
        self._thread.join(PATIENCE)
        if not error:
            if self._failed:
                raise self._failed
            self._exchange()
        for peer in self._peers:
            peer.close()
