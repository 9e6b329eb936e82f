# SPDX-License-Identifier: BSL-1.0
"""Peers that are none of ours: the programs of test/peers, and sockets whose conversation a test writes."""
import socket
import sys
import threading
from pathlib import Path

from process import PATIENCE, Program

PEERS = Path(__file__).resolve().parent.parent / "peers"


class PlainPeer(Program):
    """One of the programs of test/peers; `inside` is what enters the network that it is to be in."""

    def __init__(self, name, *arguments, inside=()):
        super().__init__(name + ".py", *arguments, directory=PEERS, under=[*inside, sys.executable])

    def port(self):
        return self.out.wait_for(r"listening on (\d+)")[1]


class NameServer(PlainPeer):
    """The one of a namespace: `asked` are the lines of what it is asked for."""

    def __init__(self, network):
        super().__init__("dns_peer", inside=network.enter)
        self.asked = self.out
        self.asked.wait_for("ready")


class Conversation:
    """A listening socket whose first connection is given to a function, on a thread."""

    def __init__(self, converse):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.port = self.socket.getsockname()[1]
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self._serve, args=(converse,), daemon=True)
        self.thread.start()

    def _serve(self, converse):
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return  # nobody came: the test has failed already
        with connection:
            connection.settimeout(PATIENCE)
            converse(connection)

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        if error:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.socket.close()


def udp_socket(address="127.0.0.1", port=0):
    """A bound UDP socket that waits no longer than a test does."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.settimeout(PATIENCE)
    made.bind((address, port))
    return made


def address_of(endpoint):
    """HOST and PORT of an endpoint, as Python's sockets take them."""
    host, _, port = endpoint.partition("://")[2].rpartition(":")
    return host.strip("[]"), int(port)
