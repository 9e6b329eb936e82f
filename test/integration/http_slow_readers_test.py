# SPDX-License-Identifier: BSL-1.0
"""More slow readers of a file than half the descriptors: each has its connection, and nobody goes without."""
import contextlib
import os
import resource
import socket
import tempfile
import unittest
from pathlib import Path

from http_client import one, request
from kernel import descriptors
from process import PATIENCE, Server

READERS = 900
SIP = 16 * 1024  # bytes: more than the write rule asks for in its 30 s


class Reader:
    """A connection that takes little of its answer, and lets the kernel hold little of it."""

    def __init__(self, server):
        host, _, port = server.endpoint.partition("://")[2].rpartition(":")
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(PATIENCE)
        self.socket.connect((host, int(port)))
        self.socket.sendall(request("/large"))
        self.taken = 0
        self.start = self.take(SIP)

    def take(self, most):
        piece = self.socket.recv(most)
        if not piece:
            raise AssertionError(f"a reader was cut after {self.taken} bytes")
        self.taken += len(piece)
        return piece

    def sip(self):
        until = self.taken + SIP
        while self.taken < until:
            self.take(until - self.taken)


class SlowReaders(unittest.TestCase):
    def test_slow_readers_of_files_leave_descriptors_for_polite_clients(self):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as all_of_them:
            large, small = os.urandom(4_000_000), os.urandom(5_000)
            (Path(folder) / "large").write_bytes(large)
            (Path(folder) / "small").write_bytes(small)
            server = all_of_them.enter_context(Server("http_server", "--quiet", "--threads", 2, "--root", folder,
                                                      "tcp://127.0.0.1:0", under=["prlimit", "--nofile=1024:1024"]))
            before = len(descriptors(server.pid))
            readers = []
            for number in range(READERS):
                reader = Reader(server)
                all_of_them.enter_context(reader.socket)
                self.assertTrue(reader.start.startswith(b"HTTP/1.1 200 OK\r\n"), (number, reader.start[:100]))
                readers.append(reader)
                if number % 100 == 99:
                    self.assertEqual(one(server, request("/small")).body, small)
                    for each in readers:
                        each.sip()
            # Besides the connections: files that are held, one that each loop reads, and a polite client that leaves.
            self.assertLessEqual(len(descriptors(server.pid)), before + READERS + 16 + 2 + 1)
            for _ in range(3):
                self.assertEqual(one(server, request("/small")).body, small)
                self.assertEqual(one(server, request("/large")).body, large)
                for each in readers:
                    each.sip()
            self.assertLess(max(each.taken for each in readers), len(large))
            self.assertGreaterEqual(len(descriptors(server.pid)), READERS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
