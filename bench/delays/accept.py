# SPDX-License-Identifier: BSL-1.0
"""How soon a connection is taken where a descriptor or a place becomes free, and how soon it is refused."""
import contextlib
import statistics
import time
import unittest

from crowd import Crowd
from delays import Delays, seconds
from kernel import descriptors, limit_descriptors, processor_time
from peers import address_of
from process import Server

FRAMES = ("--mode", "frames", "--quiet")
ANY_PORT = "tcp://127.0.0.1:0"


class Starved(Delays):
    """No descriptor is left: the limit is lowered under a server that started with a higher one."""

    def test_while_it_waits_it_takes_30_ms_of_a_processor_in_a_second_at_most(self):
        with Server("echo_server", *FRAMES, ANY_PORT) as server:
            inside = 64 - len(descriptors(server.pid))
            limit_descriptors(server.pid, 64)
            with Crowd(address_of(server.endpoint), 200) as crowd:
                self.assertEqual(crowd.wait(inside), inside)
                server.err.wait_for(".*EMFILE.*")
                begin, spent = time.monotonic(), processor_time(server.pid)
                time.sleep(5)
                self.at_most(0.030, (processor_time(server.pid) - spent) / (time.monotonic() - begin), "in a second")

    def test_a_descriptor_that_it_frees_is_used_within_20_ms(self):
        with Server("echo_server", *FRAMES, ANY_PORT) as server:
            inside = 64 - len(descriptors(server.pid))
            limit_descriptors(server.pid, 64)
            with Crowd(address_of(server.endpoint), 200) as crowd:
                self.assertEqual(crowd.wait(inside), inside)
                delays = []
                for _ in range(40):
                    begin = time.monotonic()
                    crowd.answered.pop(0).close()
                    self.assertEqual(crowd.wait(inside), inside)
                    delays.append(time.monotonic() - begin)
                self.at_most(0.020, statistics.median(delays))

    def test_a_descriptor_that_something_else_frees_is_used_within_120_ms(self):
        with Server("echo_server", *FRAMES, ANY_PORT) as server:
            before = len(descriptors(server.pid))
            limit_descriptors(server.pid, before + 5, hard=False)
            with Crowd(address_of(server.endpoint), 15) as crowd:
                self.assertEqual(crowd.wait(5), 5)
                delays = []
                for more in range(1, 11):
                    begin = time.monotonic()
                    limit_descriptors(server.pid, before + 5 + more, hard=False)
                    self.assertEqual(crowd.wait(5 + more), 5 + more)
                    delays.append(time.monotonic() - begin)
                self.at_most(0.120, statistics.median(delays))


class Limits(Delays):
    def test_a_place_that_becomes_free_is_given_away_within_100_ms(self):
        with Server("echo_server", *FRAMES, "--max-connections", "5", ANY_PORT) as server:
            with Crowd(address_of(server.endpoint), 8) as crowd:
                self.assertEqual(crowd.wait(5), 5)
                delays = []
                for _ in range(3):
                    begin = time.monotonic()
                    crowd.answered.pop(0).close()
                    self.assertEqual(crowd.wait(5), 5)
                    delays.append(time.monotonic() - begin)
                self.at_most(0.100, statistics.median(delays))

    def test_one_more_than_there_may_be_is_told_so_within_10_ms(self):
        for program, ask in (("echo_server", b""), ("http_server", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")):
            with Server(program, "--quiet", "--max-connections", "1", "--when-full", "refuse", ANY_PORT) as server:
                with server.connect() as inside:
                    inside.sendall(ask or b"x")
                    inside.recv(4096)

                    def one_more():
                        with contextlib.suppress(ConnectionError), server.connect() as peer:
                            peer.sendall(ask)
                            while peer.recv(4096):
                                pass

                    self.at_most(0.010, statistics.median(seconds(one_more) for _ in range(20)), program)

    def test_one_more_from_an_address_is_reset_within_10_ms(self):
        with Server("echo_server", *FRAMES, "--per-address", "3", ANY_PORT) as server:
            with Crowd(address_of(server.endpoint), 3) as crowd:
                self.assertEqual(crowd.wait(3), 3)

                def one_more():
                    with self.assertRaises(ConnectionResetError), server.connect() as peer:
                        peer.recv(1)

                self.at_most(0.010, statistics.median(seconds(one_more) for _ in range(20)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
