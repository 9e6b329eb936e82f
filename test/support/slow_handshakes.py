# SPDX-License-Identifier: BSL-1.0
"""Many clients of a TLS server whose handshakes do not end, on one thread: when the server has ended each of them."""
import select
import socket
import time

from crowd import IP_BIND_ADDRESS_NO_PORT, MANY
from process import PATIENCE
from tls import Wire, address

DEADLINE = 10  # seconds: a server's own for a handshake, unless it is told another


class SlowHandshakes:
    """`open` are the sockets of those that have not been ended, `taken` the seconds after which the others were; their
    clocks start before they connect."""

    def __init__(self, server):
        self.where = server.endpoint
        self.poll = select.epoll()
        self.open, self.taken = {}, []
        self._ended, self._began = [], {}

    def connect(self, count, sent=b""):
        """So many more, from many addresses, that send this and then nothing."""
        for number in range(count):
            began = time.monotonic()
            peer = socket.socket()
            peer.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            peer.bind((MANY[number % len(MANY)], 0))
            peer.connect(address(self.where))
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if sent:
                peer.sendall(sent)
            self._watch(peer, began)

    def shake_hands_but_for_the_last_byte(self, count, context):
        for _ in range(count):
            began = time.monotonic()
            wire = Wire(self.where, context)
            wire.plain.sendall(wire.shake(last=True)[:-1])
            self._watch(wire.plain, began)
            self.gather(0)

    def send_to_each(self, octets):
        for peer in self.open.values():
            try:
                peer.send(octets)
            except OSError:
                pass  # it has been ended

    def _watch(self, peer, began):
        self.open[peer.fileno()] = peer
        self._began[peer.fileno()] = began
        self.poll.register(peer, select.EPOLLRDHUP)

    def gather(self, wait):
        """Those that the server has ended meanwhile."""
        for number, _ in self.poll.poll(wait, maxevents=4096):
            self.poll.unregister(number)
            self._ended.append(self.open.pop(number))
            self.taken.append(time.monotonic() - self._began.pop(number))

    def gather_all(self, every_second=lambda: None):
        """Waits until the server has ended all of them."""
        until = time.monotonic() + DEADLINE + PATIENCE
        next_turn = time.monotonic() + 1
        while self.open and time.monotonic() < until:
            self.gather(0.05)
            if time.monotonic() >= next_turn:
                every_second()
                next_turn += 1

    def close(self):
        self.poll.close()
        for peer in [*self.open.values(), *self._ended]:
            peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
