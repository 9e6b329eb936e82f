# SPDX-License-Identifier: BSL-1.0
"""Peers that reset in every state of a TLS connection: after each of their flights, and at its end."""
import os
import ssl
import tempfile
import unittest

from certificates import Certificates
from kernel import eventually, sockets
from process import Server, abort, exchange, framed
from tls import Wire, client_context, connect

TIMES = int(os.environ.get("HAWSER_RESETS", "10"))
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class TlsResets(unittest.TestCase):
    """The server serves another client all the while, holds nothing in the end, and drains clean."""

    @classmethod
    def setUpClass(cls):
        cls.made = Certificates(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.pair = cls.made.server()

    def check(self, leave):
        for version in VERSIONS:
            context = client_context(self.made.ca, version=version)
            with self.subTest(version.name), Server("echo_server", "--mode", "frames", "--quiet", "--cert",
                                                    self.pair.certificate, "--key", self.pair.key,
                                                    "tls://127.0.0.1:0") as server:
                idle = len(sockets(server.pid))
                for _ in range(TIMES):
                    with Wire(server.endpoint, context) as peer:
                        leave(peer)
                        abort(peer.plain)
                self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle), sockets(server.pid))
                with connect(server.endpoint, context) as polite:
                    exchange(polite)
                self.assertEqual(server.stop(), 0)

    def test_within_the_first_flight(self):
        self.check(lambda peer: peer.plain.sendall(peer.flight()[:20]))

    def test_after_the_first_flight(self):
        self.check(lambda peer: peer.plain.sendall(peer.flight()))

    def test_once_the_server_has_answered_it(self):
        def leave(peer):
            peer.plain.sendall(peer.flight())
            peer.take()

        self.check(leave)

    def test_within_the_last_flight(self):
        self.check(lambda peer: peer.plain.sendall(peer.shake(last=True)[:-5]))

    def test_after_the_last_flight(self):
        self.check(lambda peer: peer.plain.sendall(peer.shake(last=True)))

    def test_inside_a_record(self):
        def leave(peer):
            peer.shake()
            peer.plain.sendall(peer.sealed(framed(bytes(1000)))[:500])

        self.check(leave)

    def test_when_the_server_waits_for_its_answer_to_close_notify(self):
        def leave(peer):
            peer.shake()
            peer.tls.write(framed(b"last"))
            try:
                peer.tls.unwrap()
            except ssl.SSLWantReadError:
                pass
            peer.plain.sendall(peer.outgoing.read())
            self.assertEqual(peer.read(8), framed(b"last"))

        self.check(leave)


if __name__ == "__main__":
    unittest.main(verbosity=2)
