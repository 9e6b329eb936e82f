# SPDX-License-Identifier: BSL-1.0
"""How late a connection is ended after its deadline, and how soon an answer is on the wire."""
import time
import unittest

from delays import Delays
from options_server import options_server
from process import exchange, framed, receive
from slow_peers import KIB, drip, reader_with_little_room, seconds_to_the_end


class Ends(Delays):
    def test_a_frame_that_is_not_whole_after_500_ms_is_cut_within_100_ms(self):
        for name, begun, rest in (("part of a head", framed(b"x")[:1], []), ("a head", framed(b"12")[:4], []),
                                  ("bytes that go on coming", framed(bytes(20))[:4], [b"x"] * 19)):
            with options_server("echo", frame=500) as server, server.connect() as peer:
                exchange(peer)
                begin = time.monotonic()
                peer.sendall(begun)
                drip(peer, rest, 0.1)
                self.at_most(0.600, seconds_to_the_end(peer, begin), name)

    def test_a_frame_of_64_kib_has_a_second_more_and_is_cut_within_100_ms(self):
        with options_server("echo", frame=300) as server, server.connect() as peer:
            begin = time.monotonic()
            peer.sendall(framed(bytes(64 * KIB))[:10 * KIB])
            self.at_most(1.400, seconds_to_the_end(peer, begin))

    def test_a_connection_that_is_idle_for_300_ms_is_ended_within_700_ms(self):
        with options_server("echo", idle=300) as server, server.connect() as peer:
            begin = time.monotonic()
            exchange(peer)
            self.at_most(1.000, seconds_to_the_end(peer, begin))

    def test_a_peer_that_takes_nothing_is_cut_at_the_end_of_the_first_second_in_which_it_took_nothing(self):
        with options_server("pour", write=1000) as server, reader_with_little_room(server) as peer:
            begin = time.monotonic()
            peer.sendall(framed(b"go"))
            server.err.wait_for(".*write_timeout.*")
            self.at_most(2.200, time.monotonic() - begin)


class Answers(Delays):
    def test_an_answer_comes_within_50_ms_though_its_handler_then_rests_for_a_second(self):
        with options_server("answer_then_rest") as server, server.connect() as peer:
            for number in range(3):
                begin = time.monotonic()
                peer.sendall(framed(b"%d" % number))
                if number:
                    time.sleep(1)  # the handler's rest after the answer before
                    begin = time.monotonic()
                self.assertEqual(receive(peer, 5), framed(b"%d" % number))
                self.at_most(0.050, time.monotonic() - begin)


if __name__ == "__main__":
    unittest.main(verbosity=2)
