"""What a drain gives to each session, what it cuts, and what it says of those that do not end."""
import os
import signal
import socket
import time
import unittest
from pathlib import Path

from process import PATIENCE, Server, exchange, framed, receive

TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
SANITIZED = os.environ["HAWSER_BUILD"] in ("asan", "tsan")
SLOWER = 5 if SANITIZED else 1
GRACE = 0.100 * SLOWER


def options_server(handler, **options):
    return Server("options_server", handler, *(f"{name}={value}" for name, value in options.items()),
                  directory=TEST_PROGRAMS)


def name(peer):
    return "127.0.0.1:%d" % peer.getsockname()[1]


class Stuck(unittest.TestCase):
    def ended_at_the_deadline(self, handler, expected, **options):
        """Three times: of what is too late once, this machine may be the cause."""
        self.assertLessEqual(min(self.drained(handler, expected, **options) for _ in range(3)), 0.500 + GRACE)

    def drained(self, handler, expected, **options):
        """The seconds it takes."""
        with options_server(handler, drain=500, **options) as server, server.connect() as peer:
            exchange(peer)
            begin = time.monotonic()
            self.assertEqual(server.stop(), 1)
            taken = time.monotonic() - begin
            self.assertGreaterEqual(taken, 0.490)
            lines = [line for line in server.err.all() if line.startswith("cut " + name(peer))]
            self.assertEqual(len(lines), 1, server.err.seen)
            self.assertRegex(lines[0], expected)
            return taken

    def test_a_handler_that_waits_for_ever_is_cancelled_and_named(self):
        self.ended_at_the_deadline("wait_for_ever", r"after 0\.\d s: it awaits nothing")

    def test_one_that_ignores_cancellation_is_abandoned_and_named(self):
        self.ended_at_the_deadline("ignore_the_end", "abandoned")

    def test_one_that_never_suspends_is_named_and_the_process_ends(self):
        for loops in (1, 2):
            with self.subTest(loops=loops):
                self.ended_at_the_deadline("spin", "its handler never suspends", loops=loops)

    def test_the_others_end_well_beside_one_that_never_suspends(self):
        with options_server("spin", drain=500, loops=2) as server, server.connect() as quiet, server.connect() as busy:
            exchange(busy)  # on the second loop; the quiet one is on the first, and its handler still reads
            begin = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(quiet.recv(1), b"")
            self.assertLess(time.monotonic() - begin, 0.400)
            quiet.close()
            self.assertEqual(server.wait(), 1)
            server.err.wait_for("drained 1 connections? in .*, cut 1")

    def test_a_peer_that_takes_nothing_is_cut(self):
        with options_server("pour", drain=500) as server, server.connect() as peer:
            peer.sendall(framed(b"go"))
            peer.recv(1)
            self.assertEqual(server.stop(), 1)
            lines = [line for line in server.err.all() if line.startswith("cut " + name(peer))]
            self.assertRegex(lines[0], "it awaits .*output")

    def test_the_second_signal_cuts_at_once(self):
        with options_server("wait_for_ever", drain=60_000) as server, server.connect() as peer:
            exchange(peer)
            server.signal(signal.SIGTERM)
            server.err.wait_for("caught SIGTERM, draining 1 connections?")
            begin = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 1)
            self.assertLess(time.monotonic() - begin, GRACE)


class Gentle(unittest.TestCase):
    def test_an_answer_in_the_making_is_delivered(self):
        with options_server("rest_then_answer", drain=5000) as server:
            peers = [server.connect() for _ in range(20)]
            for peer in peers:
                for number in range(5):
                    peer.sendall(framed(b"%d" % number))
            receive(peers[0], 5)
            server.signal(signal.SIGTERM)
            for number, peer in enumerate(peers):
                got = b"0" * 5 if number == 0 else b""
                while piece := peer.recv(4096):
                    got += piece
                self.assertEqual(len(got), 25)
                peer.close()
            self.assertEqual(server.wait(), 0)

    def test_a_parked_connection_is_ended_at_once(self):
        with options_server("echo", frame=20, idle=60_000) as server, server.connect() as peer:
            exchange(peer)
            time.sleep(0.2)  # passage: ten looks, after which the connection holds no buffer
            begin = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(peer.recv(1), b"")
            peer.close()
            self.assertEqual(server.wait(), 0)
            self.assertLess(time.monotonic() - begin, 0.5 * SLOWER)

    def test_connections_in_the_queue_are_served_first(self):
        with options_server("echo", loops=1) as server:
            os.kill(server.pid, signal.SIGSTOP)
            peers = [server.connect() for _ in range(20)]
            for number, peer in enumerate(peers):
                peer.sendall(framed(b"%02d" % number))
            server.signal(signal.SIGTERM)
            os.kill(server.pid, signal.SIGCONT)
            for number, peer in enumerate(peers):
                self.assertEqual(receive(peer, 6), framed(b"%02d" % number))
                self.assertEqual(peer.recv(1), b"")
                peer.close()
            self.assertEqual(server.wait(), 0)
            with self.assertRaises(ConnectionRefusedError):
                server.connect()

    def test_a_slow_reader_gets_all_of_its_answer(self):
        with options_server("produce", drain=20_000) as server, server.connect() as peer:
            peer.sendall(framed(b"%d" % 1_000_000) * 10)
            got = len(receive(peer, 10_000))
            server.signal(signal.SIGTERM)
            server.err.wait_for("caught SIGTERM, draining 1 connections?")
            while piece := peer.recv(16384):
                got += len(piece)
                time.sleep(0.002)  # passage: the rate of this reader
            self.assertEqual(got, 10 * 1_000_004)
            peer.close()
            self.assertEqual(server.wait(), 0)

    def test_a_peer_that_goes_on_sending_sees_no_reset(self):
        with options_server("echo") as server, server.connect() as peer:
            exchange(peer)
            server.signal(signal.SIGTERM)
            begin = time.monotonic()
            ended = False
            got = b""
            peer.setblocking(False)
            while not ended or time.monotonic() - begin < 0.5:
                time.sleep(0.005)  # passage: one that sends faster than it is served is cut at the deadline
                try:
                    peer.send(framed(b"late"))
                except BlockingIOError:
                    pass
                try:
                    piece = peer.recv(65536)
                    ended = ended or not piece
                    got += piece
                except BlockingIOError:
                    pass
                self.assertLess(time.monotonic() - begin, PATIENCE)
            self.assertEqual(len(got) % 8, 0)
            self.assertEqual(got, framed(b"late") * (len(got) // 8))
            peer.close()
            self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
