# SPDX-License-Identifier: BSL-1.0
"""Peers that reset, end their stream early or go away, in every state of a connection."""
import os
import signal
import socket
import tempfile
import unittest
from pathlib import Path

from kernel import eventually, sockets, stopped
from options_server import options_server
from process import Server, abort, exchange, framed, receive

TIMES = int(os.environ.get("HAWSER_RESETS", "10"))
# For a thousand peers, one behind the other.
UNHURRIED = {"idle": 600_000, "frame": 600_000, "write": 600_000, "drain": 600_000}
CUTS = 1000 if os.environ["HAWSER_BUILD"] == "dev" else 100


class Reset(unittest.TestCase):
    """Ten resets in each state; the server serves another client all the while and holds nothing in the end."""

    def check(self, handler, leave, **options):
        with options_server(handler, **options) as server:
            idle = len(sockets(server.pid))
            for _ in range(TIMES):
                peer = server.connect()
                leave(server, peer)
                abort(peer)
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle), sockets(server.pid))
            with server.connect() as polite:
                polite.sendall(framed(b"7"))
                self.assertIn(receive(polite, 5), (framed(b"7"), b"\0\0\0\7a"))
            self.assertEqual(server.stop(), 0)
            self.assertTrue(any(line.startswith("live 0,") for line in server.err.all()), server.err.seen)

    def test_queued(self):
        with options_server("echo") as server:
            idle = len(sockets(server.pid))
            with stopped(server.pid):
                for _ in range(TIMES):
                    peer = server.connect()
                    peer.sendall(framed(b"never read"))
                    abort(peer)
            with server.connect() as polite:
                exchange(polite)
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
            self.assertEqual(server.stop(), 0)

    def test_accepted(self):
        def leave(server, peer):
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) > 1))

        self.check("echo", leave)

    def test_idle_between_two_frames(self):
        self.check("echo", lambda server, peer: exchange(peer))

    def test_inside_a_head(self):
        self.check("echo", lambda server, peer: peer.sendall(framed(b"x")[:2]))

    def test_inside_a_frame(self):
        def leave(server, peer):
            exchange(peer)
            peer.sendall(framed(bytes(100_000))[:50_000])

        self.check("echo", leave)

    def test_while_its_handler_runs(self):
        def leave(server, peer):
            exchange(peer, b"the handler rests for a second after this")

        self.check("answer_then_rest", leave)

    def test_with_an_answer_on_its_way(self):
        def leave(server, peer):
            peer.sendall(framed(b"1000000"))
            receive(peer, 1000)

        self.check("produce", leave)

    def test_with_a_write_that_waits_for_it(self):
        def leave(server, peer):
            peer.sendall(framed(b"1000000") * 20)
            receive(peer, 1000)

        self.check("produce", leave)

    def test_during_a_drain(self):
        for what in (b"", framed(b"1")[:3], framed(b"1000000") * 20):
            with self.subTest(sent=what[:8]), options_server("produce", **UNHURRIED) as server:
                peers = [server.connect() for _ in range(TIMES)]
                for peer in peers:
                    peer.sendall(framed(b"1") + what)
                    receive(peer, 5)
                server.signal(signal.SIGTERM)
                server.err.wait_for("caught SIGTERM, draining .*")
                for peer in peers:
                    abort(peer)
                self.assertEqual(server.wait(), 0)
                self.assertTrue(any(line.startswith("live 0,") for line in server.err.all()))


class Ended(unittest.TestCase):
    """The peer ends its stream in order, in the middle of something or not."""

    def test_a_stream_that_ends_inside_a_head_or_a_frame_is_told_from_one_that_ends_between(self):
        whole = framed(b"whole")
        for rest, end in ((b"", "clean"), (whole[:1], "truncated_head"), (whole[:3], "truncated_head"),
                          (whole[:4], "truncated_payload"), (whole[:8], "truncated_payload")):
            with self.subTest(end=end, rest=len(rest)), options_server("count") as server:
                idle = len(sockets(server.pid))
                for _ in range(CUTS // 5):
                    with server.connect() as peer:
                        peer.sendall(2 * whole + rest)
                        peer.shutdown(socket.SHUT_WR)
                        self.assertEqual(peer.recv(1), b"")
                self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
                self.assertEqual(server.stop(), 0)
                said = [line for line in server.err.all() if " frames, " in line]
                self.assertEqual(said, [f"2 frames, {end}"] * (CUTS // 5))

    def test_after_a_half_close_the_whole_answer_comes(self):
        with options_server("produce") as server:
            for size in (1, 10_000, 1_000_000):
                for _ in range(CUTS // 10):
                    with server.connect() as peer:
                        peer.sendall(framed(b"%d" % size))
                        peer.shutdown(socket.SHUT_WR)
                        got = 0
                        while piece := peer.recv(1 << 18):
                            got += len(piece)
                        self.assertEqual(got, 4 + size)

    def test_a_half_close_while_the_handler_works(self):
        with options_server("rest_then_answer") as server:
            for _ in range(20):
                with server.connect() as peer:
                    peer.sendall(framed(b"one") + framed(b"two"))
                    peer.shutdown(socket.SHUT_WR)
                    self.assertEqual(receive(peer, 14), framed(b"one") + framed(b"two"))
                    self.assertEqual(peer.recv(1), b"")

    def test_writing_to_peers_that_have_gone_raises_no_signal(self):
        with options_server("pour") as server:
            idle = len(sockets(server.pid))
            masks = Path(f"/proc/{server.pid}/status").read_text()
            ignored = int(next(line for line in masks.splitlines() if line.startswith("SigIgn:")).split()[1], 16)
            self.assertFalse(ignored >> (signal.SIGPIPE - 1) & 1, "SIGPIPE is ignored, so this would show nothing")
            for _ in range(CUTS):
                with server.connect() as peer:
                    peer.sendall(framed(b"go"))
                    peer.recv(1)
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
            self.assertEqual(server.stop(), 0)


class Unix(unittest.TestCase):
    def test_reset_and_half_close_over_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            where = f"unix:{folder}/echo.sock"
            with Server("echo_server", "--mode", "frames", "--quiet", where) as server:
                idle = len(sockets(server.pid))
                for _ in range(TIMES):
                    with server.connect() as peer:
                        exchange(peer, bytes(100_000))
                        peer.sendall(framed(b"last"))
                        peer.shutdown(socket.SHUT_WR)
                        self.assertEqual(receive(peer, 8), framed(b"last"))
                        self.assertEqual(peer.recv(1), b"")
                    with server.connect() as peer:
                        peer.sendall(framed(b"torn")[:5])
                self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
                self.assertEqual(server.stop(), 0)
            self.assertFalse(Path(f"{folder}/echo.sock").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
