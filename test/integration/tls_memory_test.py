# SPDX-License-Identifier: BSL-1.0
"""What a connection to a TLS port costs: one that has sent nothing, one byte, or a hello and nothing more, and one that
has spoken and is idle; and what remains of that when they have left."""
import contextlib
import os
import socket
import tempfile
import unittest
from pathlib import Path

from certificates import Certificates
from crowd import IP_BIND_ADDRESS_NO_PORT, MANY
from kernel import all_read, eventually, how_many_descriptors, resident
from process import Server, abort, exchange
from tls import address, client_context, connect, first_flight

TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
COUNT = 10_000
KIB = 1024
SILENT, IDLE = 2 * KIB, 20 * KIB
HELLOS = 2_000
HANDSHAKES, HANDSHAKE = 100, 64 * KIB  # in progress at once, and each
GIVEN_BACK = 30  # seconds
AT_LEAST = 200  # bytes: they are there at all
NEVER = 3_600_000  # milliseconds


class Memory(unittest.TestCase):
    def setUp(self):
        made = Certificates(self.enterContext(tempfile.TemporaryDirectory()))
        pair = made.server()
        self.context = client_context(made.ca)
        self.server = self.enterContext(Server(
            "tls_options_server", "echo", f"cert={pair.certificate}", f"key={pair.key}", f"handshake={NEVER}",
            f"idle={NEVER}", f"handshakes={HANDSHAKES}", directory=TEST_PROGRAMS))
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

    def crowd(self, count, sent=b"", stay=True):
        """So many clients that send this, all of which has been read when this returns, and nothing more. Some of those
        that do not stay may have been ended by then."""
        where = address(self.server.endpoint)
        peers = []
        for number in range(count):
            peer = socket.socket()
            peer.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            peer.bind((MANY[number % len(MANY)], 0))
            peer.connect(where)
            self.keep(peer)
            if sent:
                peer.sendall(sent)
            peers.append(peer)
        if stay:
            self.assertTrue(eventually(lambda: how_many_descriptors(self.server.pid) == self.idle + count))
        if sent:
            self.assertTrue(eventually(lambda: all_read(*peers)))
        return peers

    def check_given_back(self):
        """When all have left, a quarter of what they took is there at most."""
        taken = resident(self.server.pid) - self.before
        self.opened.close()
        self.assertTrue(eventually(lambda: how_many_descriptors(self.server.pid) == self.idle))
        eventually(lambda: resident(self.server.pid) - self.before <= taken / 4, GIVEN_BACK)
        left = resident(self.server.pid) - self.before
        print(f"{taken // KIB} KiB taken, {left // KIB} KiB left")
        self.assertLessEqual(left, taken / 4)

    def test_a_silent_connection(self):
        self.crowd(COUNT)
        each = self.each()
        print(f"{each:.0f} bytes for a silent connection")
        self.assertLessEqual(each, SILENT)
        self.assertGreater(each, AT_LEAST)

    def test_a_connection_that_has_sent_one_byte(self):
        self.crowd(COUNT, b"\x16")
        each = self.each()
        print(f"{each:.0f} bytes for a connection that has sent one byte")
        self.assertLessEqual(each, SILENT + 2)
        self.assertGreater(each, AT_LEAST)
        self.check_given_back()

    def test_connections_that_have_sent_a_hello_but_for_its_last_byte(self):
        hello = first_flight(self.context)[:-1]
        self.crowd(HELLOS, hello)
        taken = resident(self.server.pid) - self.before
        print(f"{taken / HELLOS:.0f} bytes for {len(hello)} bytes of a hello")
        self.assertLessEqual(taken, HELLOS * (SILENT + 2 * len(hello)))
        self.check_given_back()

    def test_connections_that_have_sent_a_hello_and_nothing_more(self):
        hello = first_flight(self.context)
        self.crowd(HELLOS, hello, stay=False)  # each has a place for 1 s while others wait
        self.assertGreater(how_many_descriptors(self.server.pid), self.idle + HELLOS / 2)
        most = HANDSHAKES * HANDSHAKE + HELLOS * (SILENT + 2 * len(hello))
        taken = resident(self.server.pid) - self.before
        print(f"{taken // KIB} KiB for {HELLOS} hellos, at most {most // KIB}")
        self.assertLessEqual(taken, most)
        self.check_given_back()

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
