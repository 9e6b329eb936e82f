# SPDX-License-Identifier: BSL-1.0
"""Errors of the kernel on a connection's reads and writes: that connection ends, and nothing else."""
import contextlib
import re
import tempfile
import unittest

from certificates import Certificates
from kernel import TracedServer, eventually, sockets
from process import exchange
from tls import client_context

FRAMES = ("--mode", "frames", "--quiet", "--threads", "1", "tcp://127.0.0.1:0")
ERRORS = ("ETIMEDOUT", "EHOSTUNREACH", "ENETDOWN", "EIO", "ECONNRESET", "EPIPE", "ENOMEM", "ENOBUFS", "ENETUNREACH",
          "ENOTCONN")
READS = "recvfrom,recvmsg"
READS_THAT_FAIL = 20  # the first of a session, each in a server of its own
WRITES = "sendto,sendmsg"


class Errno(unittest.TestCase):
    def one_connection_ends(self, calls, error, payload):
        # The fourth call of each kind fails.
        with TracedServer("echo_server", *FRAMES, trace=f"{READS},{WRITES}",
                    inject=[f"{calls}:error={error}:when=4"]) as server:
            idle = len(sockets(server.pid))
            with server.connect() as steady:
                exchange(steady, b"before")
                ended = 0
                for _ in range(6):
                    with server.connect() as peer:
                        try:
                            exchange(peer, payload)
                        except (AssertionError, OSError):
                            ended += 1
                    with contextlib.suppress(AssertionError, OSError):
                        exchange(steady, b"between")
                self.assertLessEqual(ended, 2)
                with server.connect() as peer:
                    exchange(peer, b"afterwards")
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
            self.assertEqual(server.stop(), 0)
            hit = len(server.injected())
            self.assertIn(hit, (1, 2))
            named = [line for line in server.err.all() if re.search(rf"failed: {error}\b", line)]
            self.assertTrue(1 <= len(named) <= hit, server.err.seen)

    def test_each_on_a_read(self):
        for error in ERRORS:
            with self.subTest(error=error):
                self.one_connection_ends(READS, error, b"x")

    def test_each_on_a_write(self):
        for error in ERRORS:
            with self.subTest(error=error):
                self.one_connection_ends(WRITES, error, b"x")

    def test_each_on_the_write_of_a_large_frame(self):
        for error in ERRORS[:3]:
            with self.subTest(error=error):
                self.one_connection_ends(WRITES, error, bytes(200_000))

    def test_false_alarms_and_interruptions_are_invisible(self):
        # A read that is made to fail with EAGAIN is repeated when the wheel looks next: that is tested by itself.
        for calls, error in ((WRITES, "EAGAIN"), (f"{READS},{WRITES}", "EINTR")):
            with self.subTest(error=error):
                with TracedServer("echo_server", *FRAMES, trace=f"{READS},{WRITES}",
                            inject=[f"{calls}:error={error}:when=1+3"]) as server:
                    with server.connect() as peer, server.connect() as other:
                        for size in (0, 1, 1000, 5000, 300_000):
                            for _ in range(20):
                                exchange(peer, bytes(size))
                                exchange(other, bytes(size))
                    self.assertEqual(server.stop(), 0)
                    self.assertGreater(len(server.injected()), 50)

    def test_whichever_read_finds_nothing_once_its_client_is_answered(self):
        for number in range(1, READS_THAT_FAIL + 1):
            with self.subTest(read=number):
                self.answered_though_a_read_fails(number, FRAMES, contextlib.nullcontext)

    def test_whichever_read_finds_nothing_once_its_client_is_answered_over_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            made = Certificates(folder)
            pair = made.server()
            options = (*FRAMES[:-1], "--cert", pair.certificate, "--key", pair.key, "tls://127.0.0.1:0")
            context = client_context(made.ca)
            for number in range(1, READS_THAT_FAIL + 1):
                with self.subTest(read=number):
                    self.answered_though_a_read_fails(
                        number, options, lambda peer: context.wrap_socket(peer, server_hostname="localhost"))

    def answered_though_a_read_fails(self, number, options, over):
        with TracedServer("echo_server", *options, trace=READS,
                          inject=[f"{READS}:error=EAGAIN:when={number}"]) as server:
            with server.connect() as plain, over(plain) as peer:
                for size in (1, 4092, 100_000, *([1] * READS_THAT_FAIL)):
                    exchange(peer, bytes(size))
            self.assertEqual(server.stop(), 0)
            self.assertEqual(len(server.injected()), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
