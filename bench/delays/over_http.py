# SPDX-License-Identifier: BSL-1.0
"""How late a server of HTTP ends what takes too long, how soon it refuses, and what a refusal costs it."""
import statistics
import tempfile
import time
import unittest
from pathlib import Path

from delays import Delays, seconds
from http_client import Client, request
from kernel import processor_time
from no_files import make_no_files
from options_server import http_options_server
from process import Server
from slow_peers import drip, until_the_end


class Ends(Delays):
    def test_what_drips_is_cut_half_a_second_late_at_most(self):
        for name, first, piece in (("a method", b"G", b"E"), ("a head", b"GET / HTTP/1.1\r\n", b"A: b\r\n"),
                                   ("a field", b"GET / HTTP/1.1\r\nHost: a\r\nA: ", b"b"),
                                   ("a body", request("/echo", "Content-Length: 100000", method="POST"), b"x")):
            with http_options_server(head=1000, grace=1000, idle=10_000) as server, Client(server) as client:
                begin = time.monotonic()
                drip(client.socket, [first] + 50 * [piece], 0.09)
                self.at_most(1.500, time.monotonic() - begin, name)

    def test_a_body_that_does_not_come_after_a_continue_is_not_waited_for(self):
        head = request("/echo", "Expect: 100-continue", "Content-Length: 3", method="POST")
        with http_options_server(grace=300) as server, Client(server) as client:
            begin = time.monotonic()
            self.assertEqual(client.ask(head).status, 100)
            until_the_end(client.socket)
            self.at_most(1.000, time.monotonic() - begin)


class Refusals(Delays):
    def test_what_is_no_file_is_refused_within_10_ms(self):
        with tempfile.TemporaryDirectory() as folder, make_no_files(Path(folder)) as expected, \
                Server("http_server", "--quiet", "--threads", 1, "--root", folder, "tcp://127.0.0.1:0") as server, \
                Client(server) as client:
            taken = [seconds(lambda: client.ask(request(target))) for target in list(expected) * 20]
            self.at_most(0.010, statistics.median(taken))

    def test_a_header_bomb_costs_no_more_than_twice_a_request_of_its_size(self):
        rounds = 300
        plain = b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 15_000 + b"\r\n\r\n"
        bomb = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:b\r\n" * 3_000
        with http_options_server() as server:
            def cost(octets):
                begin = processor_time(server.pid)
                for _ in range(rounds):
                    with Client(server) as client:
                        client.ask(octets)
                return processor_time(server.pid) - begin

            cost(plain)
            self.at_most(2 * max(cost(plain) for _ in range(3)), min(cost(bomb) for _ in range(3)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
