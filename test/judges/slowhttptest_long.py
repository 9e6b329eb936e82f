# SPDX-License-Identifier: BSL-1.0
"""A thousand connections that send or read as slowly as they can, by slowhttptest: all are there at once, the server
answers others meanwhile, and all are cut at their deadline."""
import os
import tempfile
import unittest
from pathlib import Path

from judge import attacked
from process import Server

CONNECTIONS = 1000
DEADLINE = 30  # seconds that a slow one has
PROBE = 20     # less than that: another client does not wait for the slow ones' end
TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
BIG = 8 * 1024 * 1024


def server_with(deadline):
    return Server("http_options_server", f"{deadline}={1000 * DEADLINE}", directory=TEST_PROGRAMS,
                  under=("prlimit", "--nofile=4096:4096"))


class SlowClients(unittest.TestCase):
    def judged(self, server, path, *options):
        """What every mode has to show."""
        states = attacked(server, path, *options, connections=CONNECTIONS, probe=PROBE)
        print(*states, sep="\n")
        unavailable = [second for second, s in enumerate(states) if not s.available]
        self.assertEqual(unavailable, [], "seconds in which nobody else was answered")
        self.assertEqual(server.stop(), 0)
        return states

    def attack(self, server, path, *options):
        """The same, for the modes that keep their connections."""
        states = self.judged(server, path, *options)
        self.assertIn(CONNECTIONS, [s.connected for s in states], "they were never all connected at once")

    def test_slow_headers(self):
        with server_with("head") as server:
            self.attack(server, "/", "-H", "-i", 10, "-x", 24)

    def test_slow_bodies(self):
        with server_with("grace") as server:
            self.attack(server, "/echo", "-B", "-i", 5, "-x", 20, "-s", 8192)

    def test_slow_readers(self):
        with tempfile.TemporaryDirectory() as root:
            Path(root, "big").write_bytes(os.urandom(BIG))
            with Server("http_server", "--quiet", "--root", root, "tcp://127.0.0.1:0") as server:
                self.attack(server, "/big", "-X", "-w", 8, "-y", 16, "-n", 1, "-z", 100)

    def test_requests_for_a_thousand_ranges_each(self):
        with tempfile.TemporaryDirectory() as root:
            Path(root, "big").write_bytes(os.urandom(BIG))
            with Server("http_server", "--quiet", "--root", root, "tcp://127.0.0.1:0") as server:
                self.judged(server, "/big", "-R", "-a", 5, "-b", 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
