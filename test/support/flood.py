"""Connections of which none ever finishes its first frame: a server is to have no place for them while others wait."""
import socket
import struct
import threading

from crowd import IP_BIND_ADDRESS_NO_PORT, MANY
from process import PATIENCE, framed

BETWEEN_DROPS = 0.2  # seconds
NEVER_WHOLE = framed(bytes(10_000))
AT_ONCE = struct.pack("ii", 1, 0)


class Flood:
    """So many connections, from 64 addresses by turns. They are silent, or drip: each sends one byte now and then,
    the first of them as soon as it is connected.

    Leaving the block resets them, so that no port stays taken.
    """

    def __init__(self, address, count, drips=False):
        self._address = address
        self._drips = drips
        self._open = []   # as they came, which is the order in which the server has them
        self._ended = []
        self._changes = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._drip, daemon=True)
        try:
            for number in range(count):
                self._open.append(self._connect(MANY[number % len(MANY)]))
        except BaseException:
            self._reset()
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
                peer.sendall(NEVER_WHOLE[:1])
            peer.setblocking(False)
        except BaseException:
            peer.close()
            raise
        return peer

    def _drip(self):
        sent = 1
        while not self._stopped.wait(BETWEEN_DROPS) and sent < len(NEVER_WHOLE):
            with self._changes:
                for peer in self._open:
                    try:
                        peer.send(NEVER_WHOLE[sent:sent + 1])
                    except OSError:
                        pass  # it has been ended: ended() will see it
            sent += 1

    def ended(self):
        """How many the server has ended so far."""
        with self._changes:
            still = []
            for peer in self._open:
                (self._ended if has_ended(peer) else still).append(peer)
            self._open = still
            return len(self._ended)

    def _reset(self):
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        for peer in self._open + self._ended:
            peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._reset()


def has_ended(peer):
    """Whether the other side has ended the stream of a socket that does not wait, or reset it."""
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
