# SPDX-License-Identifier: BSL-1.0
"""Slow peers and slow handlers: each is ended by its own deadline, and the honest are not."""
import os
import re
import select
import socket
import time
import unittest

from kernel import eventually, resident, sockets
from options_server import options_server
from pace import Pace, unless_late
from process import PATIENCE, exchange, framed, receive
from slow_peers import KIB, drip, reader_with_little_room, seconds_to_the_end

SANITIZED = os.environ["HAWSER_BUILD"] in ("asan", "tsan")
FOR_EVER = 600_000  # milliseconds


class SlowSender(unittest.TestCase):
    def cut_at_the_deadline(self, begun, rest=()):
        """A frame begins, and its rest comes in pieces, one each 100 ms: the end comes 500 ms after its first byte."""
        with options_server("echo", frame=500) as server, server.connect() as peer:
            exchange(peer)
            begin = time.monotonic()
            peer.sendall(begun)
            if rest:
                self.assertTrue(drip(peer, rest, 0.1), "every piece was taken")
            self.assertGreaterEqual(seconds_to_the_end(peer, begin), 0.400)
            server.err.wait_for(".*frame_timeout.*")

    def test_each_part_of_a_head_is_cut_at_the_deadline(self):
        for size in (1, 2, 3):
            with self.subTest(size=size):
                self.cut_at_the_deadline(framed(b"x")[:size])

    def test_a_whole_head_without_its_frame(self):
        self.cut_at_the_deadline(framed(b"12")[:4])
        self.cut_at_the_deadline(framed(b"12")[:5])

    def test_bytes_that_arrive_do_not_extend_the_deadline(self):
        payload = bytes(10 * PATIENCE)  # a byte each 100 ms
        self.cut_at_the_deadline(framed(payload)[:4], [b"x"] * len(payload))

    def test_a_sender_within_the_deadline_is_served_again_and_again(self):
        def attempt():
            with options_server("echo", frame=500) as server, server.connect() as peer:
                for _ in range(4):
                    with Pace(0.480):
                        for byte in framed(b"x"):
                            readable = select.select([peer], [], [], 0.050)[0]
                            self.assertEqual(readable, [])
                            peer.sendall(bytes((byte,)))
                        self.assertEqual(receive(peer, 5), framed(b"x"))

        unless_late(attempt)

    def test_a_large_frame_has_more_time(self):
        with options_server("echo", frame=300) as server, server.connect() as peer:
            begin = time.monotonic()
            peer.sendall(framed(bytes(64 * KIB))[:10 * KIB])
            self.assertGreaterEqual(seconds_to_the_end(peer, begin), 1.2)
            server.err.wait_for(".*frame_timeout.*")

    def test_the_clock_stands_while_the_handler_does_not_read(self):
        def attempt():
            with options_server("answer_then_rest", frame=500) as server, server.connect() as peer, Pace(1.480):
                exchange(peer, b"one")  # the handler rests for a second now
                peer.sendall(framed(b"two")[:5])
                self.assertEqual(select.select([peer], [], [], 0.9)[0], [])
                peer.sendall(framed(b"two")[5:])
                self.assertEqual(receive(peer, 7), framed(b"two"))

        unless_late(attempt)

    def test_an_idle_connection_is_ended_while_an_active_one_goes_on(self):
        def attempt():
            with options_server("echo", idle=400) as server, server.connect() as idle, server.connect() as active:
                begin = time.monotonic()
                exchange(idle)
                with Pace(0.190) as pace:
                    while not select.select([idle], [], [], 0.050)[0]:
                        exchange(active)
                        pace.step()
                    exchange(active)
                self.assertGreaterEqual(seconds_to_the_end(idle, begin), 0.300)
                server.err.wait_for(".*idle_timeout.*")

        unless_late(attempt)


class SlowReader(unittest.TestCase):
    def test_a_peer_that_takes_nothing_is_cut_by_the_write_deadline(self):
        with options_server("pour", write=1000) as server:
            idle = len(sockets(server.pid))
            with reader_with_little_room(server) as peer:
                begin = time.monotonic()
                peer.sendall(framed(b"go"))
                server.err.wait_for(".*write_timeout.*")
                self.assertGreaterEqual(time.monotonic() - begin, 0.9)
                self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))

    def test_an_answer_that_nobody_takes_is_cut_after_the_handler_has_returned(self):
        with options_server("produce", write=1000, high=1 << 25) as server, reader_with_little_room(server) as peer:
            peer.sendall(framed(b"1000000") * 16)
            peer.shutdown(socket.SHUT_WR)
            server.err.wait_for(".*write_timeout.*")
            self.assertEqual(server.stop(), 0)

    def test_an_honest_reader_of_30_kb_a_second_is_not(self):
        def attempt():
            with options_server("pour", write=2000) as server, reader_with_little_room(server, 8 * KIB) as peer:
                peer.sendall(framed(b"go"))
                begin = time.monotonic()
                taken = 0
                with Pace(0.5) as pace:
                    while taken < 150_000:
                        taken += len(receive(peer, 3000))
                        time.sleep(max(0, begin + taken / 30_000 - time.monotonic()))  # passage: the rate of this reader
                        pace.step()
                    self.assertEqual([line for line in server.err.seen if "timeout" in line], [])

        unless_late(attempt)

    def test_memory_of_a_slow_reader_is_bounded(self):
        peers_at_once, high, frame = 200, 256 * KIB, 64 * KIB
        with options_server("pour", write=FOR_EVER, loops=1) as server:
            before = resident(server.pid)
            peers = [self.enterContext(reader_with_little_room(server)) for _ in range(peers_at_once)]
            for peer in peers:
                peer.sendall(framed(b"go"))

            def each():
                return (resident(server.pid) - before) / peers_at_once

            self.assertTrue(eventually(lambda: each() > 0.9 * high), each())
            most = 0
            until = time.monotonic() + 1
            while time.monotonic() < until:
                most = max(most, each())
            print(f"{most / KIB:.0f} KiB for a reader that takes nothing")
            if not SANITIZED:
                self.assertLess(most, high + frame + 8 * KIB)

    def test_a_stalled_reader_that_returns_gets_every_byte(self):
        with options_server("produce", write=FOR_EVER) as server, reader_with_little_room(server) as peer:
            for size in (1, 100_000, 1_000_000):
                peer.sendall(framed(b"%d" % size))
            self.assertEqual(select.select([peer], [], [], PATIENCE)[0], [peer])
            time.sleep(1)  # passage: the stall
            for size in (1, 100_000, 1_000_000):
                self.assertEqual(receive(peer, 4 + size), framed(b"a" * size))


class SlowHandler(unittest.TestCase):
    def test_an_answer_is_on_the_wire_while_its_handler_waits(self):
        with options_server("wait_for_ever") as server, server.connect() as peer:
            exchange(peer)

    def test_a_handler_that_keeps_its_loop_is_reported_once(self):
        with options_server("spin", blocked=50) as server, server.connect() as peer, server.connect() as other:
            exchange(peer)
            named = rf"127.0.0.1:{peer.getsockname()[1]}: its handler has kept its loop for .*"
            server.err.wait_for(named)
            time.sleep(1.2)  # passage: in which it would be reported again, and the log would show it
            exchange(other)
            self.assertEqual(len([line for line in server.err.seen if re.fullmatch(named, line)]), 1, server.err.seen)

    def test_a_handler_that_throws_ends_its_own_connection(self):
        with options_server("raise") as server, server.connect() as steady:
            exchange(steady)
            for round in range(100):
                for what in (b"std", b"int", b"memory"):
                    with server.connect() as peer:
                        exchange(peer, b"first")
                        peer.sendall(framed(what))
                        self.assertEqual(peer.recv(1), b"")
                exchange(steady, b"%d" % round)
            steady.close()
            self.assertEqual(server.stop(), 0)
            server.err.wait_for("live 0, accepted 301, completed 1, failed 300")
            text = "\n".join(server.err.all())
            # One line a second for this reason; two loops decide whose exception is the first.
            self.assertRegex(text, r"(?m)^127\.0\.0\.1:\d+: threw: "
                                   r"(as it was told|something that is not a std::exception|std::bad_alloc) \(age ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
