"""What a connection to a TLS port costs: one that has sent nothing, and one that has spoken and is idle."""
import contextlib
import os
import socket
import tempfile
import unittest
from pathlib import Path

from certificates import Certificates
from crowd import IP_BIND_ADDRESS_NO_PORT, MANY
from kernel import eventually, how_many_descriptors, resident
from process import Server, abort, exchange
from tls import address, client_context, connect

TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
COUNT = 10_000
KIB = 1024
SILENT, IDLE = 2 * KIB, 20 * KIB
AT_LEAST = 200  # bytes: they are there at all
NEVER = 3_600_000  # milliseconds


class Memory(unittest.TestCase):
    def setUp(self):
        made = Certificates(self.enterContext(tempfile.TemporaryDirectory()))
        pair = made.server()
        self.context = client_context(made.ca)
        self.server = self.enterContext(Server(
            "tls_options_server", "echo", f"cert={pair.certificate}", f"key={pair.key}", f"handshake={NEVER}",
            f"idle={NEVER}", directory=TEST_PROGRAMS))
        self.opened = self.enterContext(contextlib.ExitStack())
        self.idle = how_many_descriptors(self.server.pid)
        for _ in range(20):  # what the first ones cost the process for good
            with connect(self.server.endpoint, self.context) as peer:
                exchange(peer, bytes(4096))
        self.assertTrue(eventually(lambda: how_many_descriptors(self.server.pid) == self.idle))
        self.before = resident(self.server.pid)

    def each(self):
        return (resident(self.server.pid) - self.before) / COUNT

    def keep(self, peer):
        self.opened.callback(abort, peer)

    def test_a_silent_connection(self):
        where = address(self.server.endpoint)
        for number in range(COUNT):
            peer = socket.socket()
            peer.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            peer.bind((MANY[number % len(MANY)], 0))
            peer.connect(where)
            self.keep(peer)
        self.assertTrue(eventually(lambda: how_many_descriptors(self.server.pid) == self.idle + COUNT))
        each = self.each()
        print(f"{each:.0f} bytes for a silent connection")
        self.assertLessEqual(each, SILENT)
        self.assertGreater(each, AT_LEAST)

    def test_an_established_idle_connection(self):
        for number in range(COUNT):
            peer = connect(self.server.endpoint, self.context, source=MANY[number % len(MANY)])
            exchange(peer, bytes(4096))
            self.keep(socket.socket(fileno=peer.detach()))  # open, without its TLS on this side
        self.assertEqual(how_many_descriptors(self.server.pid), self.idle + COUNT)
        eventually(lambda: self.each() <= IDLE)  # they give back what they have needed
        each = self.each()
        print(f"{each:.0f} bytes for an established idle connection")
        self.assertLessEqual(each, IDLE)
        self.assertGreater(each, 10 * AT_LEAST)


if __name__ == "__main__":
    unittest.main(verbosity=2)
