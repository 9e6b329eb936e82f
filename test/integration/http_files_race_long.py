# SPDX-License-Identifier: BSL-1.0
"""Files that are swapped, cut and replaced while they are served: nothing from outside of the root, nothing torn."""
import ctypes
import os
import tempfile
import threading
import unittest
from pathlib import Path

from http_client import Client, StreamEnded, one, request
from process import Server

REQUESTS = int(os.environ.get("HAWSER_RACE_REQUESTS", "100000"))
SWAPS = REQUESTS  # at least
RUNS = int(os.environ.get("HAWSER_RACE_RUNS", "150"))
CANARY = b"the canary outside of the root"
AT_FDCWD, EXCHANGE = -100, 2

libc = ctypes.CDLL(None, use_errno=True)


def exchange(a, b):
    """Swaps two names in one step."""
    if libc.renameat2(AT_FDCWD, a, AT_FDCWD, b, EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


class Race(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.top = Path(self.folder.name)
        self.root = self.top / "root"
        (self.root / "dir").mkdir(parents=True)
        (self.root / "dir" / "file").write_bytes(b"inside")
        (self.top / "outside").mkdir()
        (self.top / "outside" / "file").write_bytes(CANARY)

    def server(self):
        return Server("http_server", "--quiet", "--root", self.root, "tcp://127.0.0.1:0")

    def test_a_directory_that_is_swapped_for_a_link_to_the_outside_never_leads_there(self):
        (self.root / "link").symlink_to(self.top / "outside")
        (self.root / "relative").symlink_to("../outside")
        pairs = [(os.fsencode(self.root / "dir"), os.fsencode(self.root / other)) for other in ("link", "relative")]
        swaps, over = 0, threading.Event()

        def swap():
            nonlocal swaps
            while not over.is_set():
                for pair in pairs:
                    exchange(*pair)
                    exchange(*pair)
                    swaps += 2

        with self.server() as server, Client(server) as client:
            racer = threading.Thread(target=swap)
            racer.start()
            asked = inside = 0
            try:
                while asked < REQUESTS or swaps < SWAPS:
                    answers = [client.ask(request("/dir/file")) for _ in range(10)]
                    for answer in answers:
                        self.assertNotIn(CANARY, answer.raw + answer.body)
                        self.assertIn(answer.status, (200, 404, 503))
                        inside += answer.body == b"inside"
                    asked += len(answers)
            finally:
                over.set()
                racer.join()
            print(f"{asked} requests, {inside} of them inside, {swaps} swaps")
            self.assertGreater(inside, 0)
            self.assertLess(inside, asked)
            self.assertEqual(server.stop(), 0)

    def test_files_that_change_while_they_are_sent_are_whole_or_cut(self):
        size = 16_000_000  # more than both sockets take at once
        path, other = self.root / "large", self.top / "other"
        whole = cut = 0

        def fill(where, octet, length):
            """A file of zeros, in which `octet` stands now and then."""
            with open(where, "wb") as file:
                for at in range(0, length, 100_000):
                    file.seek(at)
                    file.write(octet)
                file.truncate(length)

        with self.server() as server:
            for run in range(RUNS):
                fill(path, b"x", size)
                with Client(server) as client:
                    client.send(request("/large"))
                    client.begin()
                    if run % 3 == 0:
                        os.truncate(path, (run * 7919) % size)
                    elif run % 3 == 1:
                        os.truncate(path, 2 * size)
                    else:
                        fill(other, b"y", size)
                        os.replace(other, path)
                    try:
                        answer = client.response()
                        self.assertEqual((answer.status, answer.field("Content-Length")), (200, str(size)))
                        self.assertEqual((answer.body.count(b"x"), answer.body.count(b"y")), (size // 100_000, 0))
                        whole += 1
                    except (ConnectionResetError, StreamEnded):
                        self.assertEqual(run % 3, 0)
                        cut += 1
            self.assertEqual(one(server, request("/dir/file")).body, b"inside")
            self.assertEqual(server.stop(), 0)
        print(f"{whole} whole, {cut} cut")
        self.assertGreater(cut, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
