# SPDX-License-Identifier: BSL-1.0
"""Handshakes that do not end: each is cut at the handshake deadline, and a polite client is served beside them."""
import os
import tempfile
import unittest
from pathlib import Path

from certificates import Certificates
from kernel import eventually, how_many_descriptors
from process import Server, exchange
from slow_handshakes import DEADLINE, SlowHandshakes
from tls import client_context, connect, first_flight

TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
EACH = 1000
SILENT = 10_000
TOLERANCE = 1  # seconds


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Certificates(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.pair = cls.made.server()
        cls.context = client_context(cls.made.ca)


class Slow(Test):
    def setUp(self):
        self.server = self.enterContext(Server("echo_server", "--mode", "frames", "--quiet", "--cert",
                                               self.pair.certificate, "--key", self.pair.key, "tls://127.0.0.1:0"))
        self.idle = how_many_descriptors(self.server.pid)
        self.slow = self.enterContext(SlowHandshakes(self.server))

    def check(self, count):
        """So many were cut, none of them before the deadline, and for the deadline."""
        self.assertEqual(len(self.slow.taken), count)
        print(f"{count} cut after {min(self.slow.taken):.2f} s at least")
        self.assertGreaterEqual(min(self.slow.taken), DEADLINE - TOLERANCE)
        self.assertTrue(eventually(lambda: how_many_descriptors(self.server.pid) == self.idle))
        self.server.err.wait_for(r".*handshake_timeout.*")
        self.slow.close()
        self.assertEqual(self.server.stop(), 0)
        for line in self.server.err.all():
            if ": failed: " in line:
                self.assertIn("handshake_timeout", line)

    def test_silent_ones(self):
        self.slow.connect(SILENT)
        self.slow.gather_all()
        self.check(SILENT)

    def test_a_byte_a_second_which_ends_before_the_hello_does(self):
        hello = first_flight(self.context)
        sent = 0

        def one_byte():
            nonlocal sent
            self.slow.send_to_each(hello[sent:sent + 1])
            sent += 1

        self.slow.connect(EACH)
        self.slow.gather_all(one_byte)
        self.check(EACH)
        self.assertGreater(sent, 1)
        self.assertLess(sent, len(hello))

    def test_nothing_after_the_hello(self):
        self.slow.connect(EACH, first_flight(self.context))
        self.slow.gather_all()
        self.check(EACH)

    def test_nothing_before_the_finished_message(self):
        self.slow.shake_hands_but_for_the_last_byte(EACH, self.context)
        self.slow.gather_all()
        self.check(EACH)


class Polite(Test):
    def test_a_polite_client_is_served_while_ten_thousand_are_silent(self):
        with Server("tls_options_server", "echo", f"cert={self.pair.certificate}", f"key={self.pair.key}",
                    "handshake=3600000", directory=TEST_PROGRAMS) as server:
            idle = how_many_descriptors(server.pid)
            with SlowHandshakes(server) as slow:
                slow.connect(SILENT)
                self.assertTrue(eventually(lambda: how_many_descriptors(server.pid) == idle + SILENT))
                for _ in range(20):
                    with connect(server.endpoint, self.context, source="127.0.0.9") as peer:
                        for _ in range(10):
                            exchange(peer)
                        peer.unwrap().close()
                slow.gather(0)
                self.assertEqual(len(slow.open), SILENT)
            self.assertTrue(eventually(lambda: how_many_descriptors(server.pid) == idle))
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
