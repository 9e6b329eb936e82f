# SPDX-License-Identifier: BSL-1.0
"""A server full of connections that never finish a first frame, with as many more in its queue: a newcomer is served
though none of them leaves, those that were there before stay, and whoever is ended for it is counted. With --no-shed
nobody is ended, and the newcomer waits until they leave."""
import contextlib
import socket
import tempfile
import unittest

from admin import Admin
from certificates import Certificates
from flood import HELLO_NEVER_WHOLE, NEVER_WHOLE, Established, Flood
from kernel import eventually
from peers import address_of
from process import PATIENCE, Server, exchange, framed, receive
from tls import client_context, connect

LONG = "10m"  # for the deadlines of those that idle: nobody is ended by one of them
WAITS = 2     # seconds, a newcomer goes without an answer: longer than 0.25 s, after which the silent are ended
EVERY = 1     # second, established clients send a frame: they are between two for less than the 5 s that are allowed


class Flooded(unittest.TestCase):
    def counters(self):
        values = self.admin.metrics()
        return tuple(int(values[f"hawser_sessions_{name}_total"]) for name in ("shed", "failed"))

    def start(self, limit, *options, endpoint="tcp://127.0.0.1:0"):
        self.server = self.enterContext(Server(
            "echo_server", "--mode", "frames", "--quiet", "--threads", "2", "--max-connections", str(limit), "--idle",
            LONG, *options, endpoint, "--admin", "tcp://127.0.0.1:0", listeners=2))
        self.admin = self.enterContext(Admin(self.server.endpoints[-1]))

    def newcomer_is_served(self, limit, others, count, drips, come):
        """Behind so many connections, when `others` have places of their own; then the counters agree with what the
        clients have seen."""
        shed_before, failed_before = self.counters()
        with Flood(address_of(self.server.endpoint), count, drips) as flood:
            with come() as newcomer:
                exchange(newcomer)
                least = others + count + 1 - limit  # have had to make room
                self.assertGreaterEqual(flood.ended(), least)
                self.assertTrue(eventually(lambda: self.counters()[0] - shed_before == flood.ended()))
                self.assertEqual(self.counters()[1], failed_before)
        self.assertTrue(eventually(lambda: int(self.admin.metrics()["hawser_connections"]) == others))

    def flood(self, limit, established, patterns, come):
        with Established(self.server, established, EVERY) if established else contextlib.nullcontext():
            for drips in patterns:
                for times in (1, 2, 3):
                    with self.subTest(limit=limit, times=times, drips=bool(drips)):
                        self.newcomer_is_served(limit, established, times * limit, drips, come)
        self.assertEqual(self.server.stop(), 0)

    def test_at_100_connections(self):
        self.start(100)
        self.flood(100, 50, (b"", NEVER_WHOLE), self.server.connect)

    def test_at_1000_connections(self):
        self.start(1000)
        self.flood(1000, 100, (b"", NEVER_WHOLE), self.server.connect)

    def test_without_shedding(self):
        self.start(100, "--no-shed")
        before = self.counters()
        with Flood(address_of(self.server.endpoint), 100) as flood:
            self.assertTrue(eventually(lambda: int(self.admin.metrics()["hawser_connections"]) == 100))
            with self.server.connect() as newcomer:
                newcomer.sendall(framed(b"x"))
                newcomer.settimeout(WAITS)
                with self.assertRaises(socket.timeout):
                    newcomer.recv(1)
                self.assertEqual((flood.ended(), self.counters()), (0, before))
                flood.leave()
                newcomer.settimeout(PATIENCE)
                self.assertEqual(receive(newcomer, 5), framed(b"x"))
                self.assertEqual(self.counters()[0], 0)
        self.assertEqual(self.server.stop(), 0)

    def test_over_tls(self):
        made = Certificates(self.enterContext(tempfile.TemporaryDirectory()))
        pair = made.server()
        context = client_context(made.ca)
        self.start(100, "--cert", pair.certificate, "--key", pair.key, endpoint="tls://127.0.0.1:0")
        self.flood(100, 0, (b"", HELLO_NEVER_WHOLE), lambda: connect(self.server.endpoint, context))


if __name__ == "__main__":
    unittest.main()
