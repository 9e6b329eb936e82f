"""A thousand connections that send or read as slowly as they can, by slowhttptest: all are there at once, the server
answers others in every second of that, and all are cut at their deadline."""
import csv
import os
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

from judge import judge, line
from process import Server

CONNECTIONS = 1000
PROBE = 3  # seconds within which another client has to be answered
TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
BIG = 8 * 1024 * 1024


@dataclass(frozen=True)
class Second:
    closed: int
    pending: int
    connected: int
    available: bool


def read_csv(path):
    """The state of each second. `Service Available` is as large as the number of connections, or 0."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return [Second(int(r["Closed"]), int(r["Pending"]), int(r["Connected"]), int(r["Service Available"]) > 0)
            for r in rows]


class SlowClients(unittest.TestCase):
    def judged(self, server, path, seconds, *options):
        """Runs it to its end; what every mode has to show."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report")
            got = judge("slowhttptest", "-c", CONNECTIONS, "-r", CONNECTIONS, "-p", PROBE, "-l", seconds, "-g",
                        "-o", report, "-u", server.endpoint.replace("tcp:", "http:") + path, *options,
                        seconds=seconds + 60)
            states = read_csv(f"{report}.csv")
        print(*states, sep="\n")
        unavailable = [second for second, s in enumerate(states) if not s.available]
        self.assertEqual(unavailable, [], "seconds in which nobody else was answered")
        line(r".*Exit status:\S*\s+No open connections left\S*", got)
        self.assertEqual(server.stop(), 0)
        return states

    def attack(self, server, path, seconds, *options):
        """The same, for the modes that keep their connections."""
        states = self.judged(server, path, seconds, *options)
        self.assertIn(CONNECTIONS, [s.connected for s in states], "they were never all connected at once")
        return states

    def test_slow_headers(self):
        with Server("http_server", "--quiet", "tcp://127.0.0.1:0") as server:
            states = self.attack(server, "/", 60, "-H", "-i", 10, "-x", 24)
            first_full = next(n for n, s in enumerate(states) if s.connected == CONNECTIONS)
            self.assertLessEqual(len(states) - first_full, 10 + 2)

    def test_slow_bodies(self):
        with Server("http_options_server", directory=TEST_PROGRAMS,
                    under=("prlimit", "--nofile=4096:4096")) as server:
            self.attack(server, "/echo", 90, "-B", "-i", 5, "-x", 20, "-s", 8192)

    def test_slow_readers(self):
        with tempfile.TemporaryDirectory() as root:
            Path(root, "big").write_bytes(os.urandom(BIG))
            with Server("http_server", "--quiet", "--root", root, "tcp://127.0.0.1:0") as server:
                self.attack(server, "/big", 150, "-X", "-w", 8, "-y", 16, "-n", 1, "-z", 100)

    def test_requests_for_a_thousand_ranges_each(self):
        with tempfile.TemporaryDirectory() as root:
            Path(root, "big").write_bytes(os.urandom(BIG))
            with Server("http_server", "--quiet", "--root", root, "tcp://127.0.0.1:0") as server:
                self.judged(server, "/big", 30, "-R", "-a", 5, "-b", 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
