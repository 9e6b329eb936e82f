# SPDX-License-Identifier: BSL-1.0
"""What a drain gives to each session, what it cuts, and what it says of those that do not end."""
import os
import signal
import time
import unittest

from kernel import all_read, eventually, sockets
from options_server import options_server
from pace import Pace, unless_late, what_was_cut
from process import exchange, framed, receive

FOR_EVER = 600_000  # milliseconds


def name(peer):
    return "127.0.0.1:%d" % peer.getsockname()[1]


class Stuck(unittest.TestCase):
    def cut_at_the_deadline(self, handler, expected, kept=0, first=exchange, **options):
        def attempt():
            with options_server(handler, drain=500, **options) as server, server.connect() as peer:
                first(peer)
                begin = time.monotonic()
                self.assertEqual(server.stop(), 1)
                self.assertGreaterEqual(time.monotonic() - begin, 0.480)
                lines = [line for line in what_was_cut(server, kept) if line.startswith("cut " + name(peer))]
                self.assertEqual(len(lines), 1, server.err.seen)
                self.assertRegex(lines[0], expected)

        unless_late(attempt)

    def test_a_handler_that_waits_for_ever_is_cancelled_and_named(self):
        self.cut_at_the_deadline("wait_for_ever", r"after \d+\.\d s: it waits for nothing")

    def test_one_that_ignores_cancellation_is_abandoned_and_named(self):
        self.cut_at_the_deadline("ignore_the_end", "abandoned")

    def test_one_that_never_suspends_is_named_and_the_process_ends(self):
        for loops in (1, 2):
            with self.subTest(loops=loops):
                self.cut_at_the_deadline("spin", "its handler never suspends", kept=1, loops=loops)

    def test_a_peer_that_takes_nothing_is_cut(self):
        def begin(peer):
            peer.sendall(framed(b"go"))
            peer.recv(1)

        self.cut_at_the_deadline("pour", "it waits for .*output", first=begin)

    def test_the_others_end_well_beside_one_that_never_suspends(self):
        def attempt():
            with options_server("spin", drain=FOR_EVER, loops=2) as server, \
                    server.connect() as quiet, server.connect() as busy:
                exchange(busy)  # on the second loop; the quiet one is on the first, and its handler still reads
                before = len(sockets(server.pid))
                server.signal(signal.SIGTERM)
                self.assertEqual(quiet.recv(1), b"")
                quiet.close()
                self.assertTrue(eventually(lambda: len(sockets(server.pid)) == before - 2))  # nor does it listen
                self.assertEqual(server.stop(), 1)
                lines = what_was_cut(server, kept=1)
                self.assertEqual(len(lines), 1)
                self.assertRegex(lines[0], f"cut {name(busy)} .*: its handler never suspends")
                server.err.wait_for("drained 1 connections? in .*, cut 1")

        unless_late(attempt)

    def test_thousands_are_cut_and_none_of_them_is_called_stuck(self):
        with options_server("echo", drain=FOR_EVER, frame=FOR_EVER, loops=1) as server:
            peers = [server.connect() for _ in range(4000)]
            for peer in peers:
                peer.sendall(b"\0")  # the head of a frame, which a drain waits for
            self.assertTrue(eventually(lambda: all_read(*peers)))
            server.signal(signal.SIGTERM)
            server.err.wait_for("caught SIGTERM, draining 4000 connections")
            self.assertEqual(server.stop(), 1)
            lines = what_was_cut(server)
            self.assertEqual(len(lines), 4000)
            self.assertEqual([line for line in lines if "abandoned" in line], [])
            for peer in peers:
                peer.close()

    def test_the_second_signal_cuts(self):
        with options_server("wait_for_ever", drain=FOR_EVER) as server, server.connect() as peer:
            exchange(peer)
            server.signal(signal.SIGTERM)
            server.err.wait_for("caught SIGTERM, draining 1 connections?")
            self.assertEqual(server.stop(), 1)


class Gentle(unittest.TestCase):
    def test_an_answer_in_the_making_is_delivered(self):
        with options_server("rest_then_answer", drain=FOR_EVER) as server:
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

    def test_a_parked_connection_is_ended(self):
        with options_server("echo", frame=20, idle=FOR_EVER, drain=FOR_EVER) as server, server.connect() as peer:
            exchange(peer)
            time.sleep(0.2)  # passage: ten looks, after which the connection holds no buffer
            server.signal(signal.SIGTERM)
            self.assertEqual(peer.recv(1), b"")
            peer.close()
            self.assertEqual(server.wait(), 0)

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
        with options_server("produce", drain=FOR_EVER) as server, server.connect() as peer:
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
        def attempt():
            with options_server("echo") as server, server.connect() as peer:
                exchange(peer)
                server.signal(signal.SIGTERM)
                begin = time.monotonic()
                ended = False
                got = b""
                peer.setblocking(False)
                with Pace(0.7) as pace:  # what it sends is dropped for 2 s, and for that long it is no reset
                    while not ended or time.monotonic() - begin < 0.5:
                        time.sleep(0.005)  # passage: one that sends faster than it is served is cut at the deadline
                        pace.step()
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
                self.assertEqual(got, framed(b"late") * (len(got) // 8))
                peer.close()
                self.assertEqual(server.wait(), 0)

        unless_late(attempt)


if __name__ == "__main__":
    unittest.main(verbosity=2)
