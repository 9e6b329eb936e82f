# SPDX-License-Identifier: BSL-1.0
"""Frames that claim more than the limit, and other protocols on the frame port: refused at once, and for nothing."""
import contextlib
import re
import socket
import time
import unittest

from kernel import all_read, eventually, resident, sockets
from process import PATIENCE, Server, exchange, framed, receive
from slow_peers import until_the_end

FOUR_GIB = b"\xff\xff\xff\xff"  # for which there would be more than 65,536 s
CLAIMS = 1000
MIB = 1 << 20
TICK = 0.010  # seconds, of the clock by which the log leaves a second between two such lines


class Claims(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0"))
        self.idle = len(sockets(self.server.pid))
        with self.server.connect() as peer:
            exchange(peer, bytes(4096))
        self.before = resident(self.server.pid)
        self.begin = time.monotonic()

    def tearDown(self):
        self.assertTrue(eventually(lambda: len(sockets(self.server.pid)) == self.idle))
        self.assertLessEqual(resident(self.server.pid) - self.before, 8 * MIB)
        with self.server.connect() as peer:
            exchange(peer)
        self.assertEqual(self.server.stop(), 0)
        said = [line for line in self.server.err.all() if "frame_too_large" in line]
        self.assertGreaterEqual(len(said), 1)
        self.assertLessEqual(len(said) - 1, time.monotonic() - self.begin + TICK)

    def test_one_after_the_other(self):
        for _ in range(CLAIMS):
            with self.server.connect() as peer:
                peer.sendall(FOUR_GIB[:3])
                peer.sendall(FOUR_GIB[3:])
                self.assertEqual(until_the_end(peer), b"")

    def test_a_thousand_at_once(self):
        peers = [self.enterContext(self.server.connect()) for _ in range(CLAIMS)]
        self.assertTrue(eventually(lambda: len(sockets(self.server.pid)) == self.idle + CLAIMS))
        for part in (FOUR_GIB[:3], FOUR_GIB[3:]):
            for peer in peers:
                peer.sendall(part)
        for peer in peers:
            self.assertEqual(until_the_end(peer), b"")

    def test_other_bytes_after_the_claim_change_nothing(self):
        for _ in range(20):
            with self.server.connect() as peer:
                with contextlib.suppress(ConnectionError):
                    peer.sendall(FOUR_GIB + bytes(100_000))
                self.assertEqual(until_the_end(peer), b"")


class OtherProtocols(unittest.TestCase):
    CASES = {
        "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "TLS": bytes((22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3)) + bytes(500),
        "SSH": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    }

    def test_each_is_named_in_one_line_and_closed(self):
        for name, first_bytes in self.CASES.items():
            with self.subTest(name), Server("echo_server", "--mode", "frames", "tcp://127.0.0.1:0") as server:
                with server.connect() as peer:
                    peer.sendall(first_bytes)
                    self.assertEqual(until_the_end(peer), b"")
                self.assertEqual(server.stop(), 0)
                lines = [line for line in server.err.all() if re.search("looks like " + name, line)]
                self.assertEqual(len(lines), 1, server.err.seen)


class Limit(unittest.TestCase):
    def test_a_frame_of_the_limit_passes_and_one_byte_more_is_refused(self):
        for limit, options in ((1 << 20, ()), (1, ("--frame-limit", "1")), (70_000, ("--frame-limit", "70000"))):
            with self.subTest(limit=limit):
                with Server("echo_server", "--mode", "frames", "--quiet", *options, "tcp://127.0.0.1:0") as server:
                    with server.connect() as peer:
                        exchange(peer, bytes(limit))
                        exchange(peer, bytes(limit))
                        peer.sendall((limit + 1).to_bytes(4, "big"))
                        self.assertEqual(until_the_end(peer), b"")
                    server.err.wait_for(r".*frame_too_large.*")

    def test_memory_follows_what_is_received_and_not_what_is_claimed(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
            with server.connect() as peer:
                exchange(peer, bytes(4096))
            before = resident(server.pid)
            peers = [server.connect() for _ in range(500)]
            for peer in peers:
                peer.sendall((1 << 20).to_bytes(4, "big") + bytes(1000))
            self.assertTrue(eventually(lambda: all_read(*peers)))
            self.assertLess(resident(server.pid) - before, 500 * 8192)
            for peer in peers:
                peer.close()


class Pieces(unittest.TestCase):
    def test_ten_thousand_frames_in_one_burst_come_back_in_order_while_others_are_served(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "--threads", "1", "tcp://127.0.0.1:0") as server:
            with server.connect() as many, server.connect() as other:
                many.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                burst = b"".join(framed(b"%d" % number) for number in range(10_000))
                many.setblocking(False)
                sent = many.send(burst[:1 << 16])
                exchange(other)
                many.settimeout(PATIENCE)
                got = b""
                while sent < len(burst):
                    sent += many.send(burst[sent:sent + 4096])
                    got += many.recv(1 << 16)
                got += receive(many, len(burst) - len(got))
                self.assertEqual(got, burst)

    def test_a_thousand_streams_cut_at_every_byte_come_back_the_same(self):
        stream = b"".join(framed(bytes((number,)) * number) for number in range(6))
        with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
            with server.connect() as peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for _ in range(1000):
                    for byte in stream:
                        peer.sendall(bytes((byte,)))
                    self.assertEqual(receive(peer, len(stream)), stream)


if __name__ == "__main__":
    unittest.main(verbosity=2)
