# SPDX-License-Identifier: BSL-1.0
"""Clients that flood, dawdle or never read: what they hold is bounded, and the others notice nothing."""
import contextlib
import os
import select
import tempfile
import threading
import time
import unittest
from pathlib import Path

from http_client import Client, one, request
from kernel import eventually, resident, sockets
from no_files import make_no_files
from options_server import http_options_server
from pace import Pace, unless_late
from process import PATIENCE, Server, run
from slow_peers import drip, until_the_end

SANITIZED = os.environ["HAWSER_BUILD"] in ("asan", "tsan")
KIB = 1024
EVERY = 0.09  # seconds, between the pieces of what drips
PIECES = int(PATIENCE / EVERY)


class Flood(unittest.TestCase):
    def test_half_a_million_pipelined_requests_that_nobody_reads_the_answers_of(self):
        count = 50_000 if SANITIZED else 500_000
        text = b"".join(request(f"/{number % 1000:03}") for number in range(1000))
        with http_options_server() as server, Client(server) as client:
            one(server, request())
            before = resident(server.pid)
            client.socket.setblocking(False)
            poll = select.poll()
            poll.register(client.socket, select.POLLOUT)
            sent, rest = 0, b""
            while sent < count // 1000 and poll.poll(500):  # until the server stops reading
                rest = rest or text
                with contextlib.suppress(BlockingIOError):
                    rest = rest[client.socket.send(rest):]
                    sent += not rest
            if not SANITIZED:
                self.assertLess(sent, count // 1000)
                # The smaller buffers that the output grew out of are the loop's, and go back. The answers would be 50 MiB;
                # some code that has not run before may come into memory meanwhile.
                self.assertTrue(eventually(lambda: resident(server.pid) - before <= 2048 * KIB))
            self.assertEqual(one(server, request("/other")).body, b"/other")

            def send_the_rest():
                client.socket.sendall(rest)
                for _ in range(count // 1000 - sent - bool(rest)):
                    client.socket.sendall(text)

            client.socket.settimeout(PATIENCE)
            sender = threading.Thread(target=send_the_rest)
            sender.start()
            for number in range(count):
                body = client.response().body
                if body != b"/%03d" % (number % 1000):
                    self.fail(f"answer {number} is {body!r}")
            sender.join()


class Slow(unittest.TestCase):
    def dripped(self, server, first, piece, at_least):
        """Sends `piece` again and again, until the server ends it; what it said."""
        with Client(server) as client:
            begin = time.monotonic()
            self.assertTrue(drip(client.socket, [first] + PIECES * [piece], EVERY), "every piece was taken")
            self.assertGreaterEqual(time.monotonic() - begin, at_least)
            return until_the_end(client.socket)

    def test_a_header_that_drips_is_cut_at_its_deadline_with_408(self):
        with http_options_server(head=1000, idle=10_000) as server:
            for first, piece in ((b"G", b"E"), (b"GET / HTTP/1.1\r\n", b"A: b\r\n"), (b"GET / HTTP/1.1\r\nHost: a\r\nA: ", b"b")):
                with self.subTest(first=first):
                    said = self.dripped(server, first, piece, 0.9)
                    self.assertTrue(said.startswith(b"HTTP/1.1 408 Request Timeout\r\n"), said)

    def test_a_body_that_drips_is_cut_after_its_grace(self):
        head = request("/echo", "Content-Length: 100000", method="POST")
        with http_options_server(grace=1000) as server:
            self.assertEqual(self.dripped(server, head, b"x", 0.9), b"")
            server.err.wait_for(".*frame_timeout.*")

    def test_a_body_at_a_fair_rate_is_taken(self):
        body = b"x" * 2000

        def attempt():
            with http_options_server(grace=500) as server, Client(server) as client, Pace(0.4) as pace:
                client.send(request("/echo", f"Content-Length: {len(body)}", method="POST"))
                for at in range(0, len(body), 100):  # 1,000 bytes a second: 240 are enough
                    client.send(body[at:at + 100])
                    select.select([client.socket], [], [], 0.1)
                    pace.step()
                self.assertEqual(client.response().body, body)

        unless_late(attempt)

    def test_an_idle_connection_is_ended_and_one_that_is_used_is_not(self):
        def attempt():
            with http_options_server(idle=500) as server, Client(server) as idle, Client(server) as used:
                idle.ask(request())
                begin = time.monotonic()
                with Pace(0.24) as pace:
                    while not select.select([idle.socket], [], [], 0.1)[0]:
                        self.assertEqual(used.ask(request("/x")).body, b"/x")
                        pace.step()
                    self.assertEqual(used.ask(request("/x")).body, b"/x")
                self.assertEqual(idle.rest(), b"")
                self.assertGreaterEqual(time.monotonic() - begin, 0.4)

        unless_late(attempt)


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        (self.root / "a.txt").write_text("a file")

    def server(self):
        return Server("http_server", "--quiet", "--threads", 1, "--root", self.root, "tcp://127.0.0.1:0")

    def test_what_is_no_file_is_refused_while_a_victim_is_served(self):
        expected = self.enterContext(make_no_files(self.root))
        with self.server() as server, Client(server, "127.0.0.9") as victim, Client(server) as client:
            client.ask(request("/a.txt"))
            victim.ask(request("/a.txt"))
            for target, status in list(expected.items()) * 2:
                self.assertEqual(client.ask(request(target)).status, status, target)
                self.assertEqual(victim.ask(request("/a.txt")).body, b"a file")
            self.assertEqual(server.stop(), 0)

    def test_a_slow_reader_of_a_large_file_costs_little_and_the_file_is_whole(self):
        octets = os.urandom(20_000_000)
        (self.root / "large").write_bytes(octets)
        with self.server() as server:
            self.assertEqual(one(server, request("/large")).body, octets)
            before = resident(server.pid)
            with contextlib.ExitStack() as all_of_them:
                readers = []
                for _ in range(50):
                    reader = all_of_them.enter_context(Client(server))
                    reader.send(request("/large"))
                    readers.append(reader)
                self.assertTrue(eventually(lambda: len(sockets(server.pid)) >= 51))
                for reader in readers:
                    reader.begin()
                if not SANITIZED:
                    self.assertLessEqual(resident(server.pid) - before, 50 * 64 * KIB)
                self.assertEqual(one(server, request("/a.txt")).body, b"a file")
                self.assertEqual(readers[0].response().body, octets)

    def test_every_descriptor_is_given_back(self):
        with self.server() as server:
            one(server, request("/a.txt"))
            before = len(os.listdir(f"/proc/{server.pid}/fd"))
            for number in range(300):
                with Client(server) as client:
                    client.ask(request("/a.txt"))
                    client.ask(request("/none"))
                    client.ask(request("/a.txt", "Range: bytes=1-2"))
            self.assertTrue(eventually(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) <= before))

    def test_a_root_that_is_none_is_wrong_usage(self):
        status, out, err = run("http_server", "--root", self.root / "none", "tcp://127.0.0.1:0")
        self.assertEqual((status, out), (2, []))
        self.assertIn(str(self.root / "none"), err[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
