# SPDX-License-Identifier: BSL-1.0
"""SIGTERM while requests are in flight: each that has arrived is answered whole, and the last answer says so."""
import os
import signal
import sys
import unittest
from pathlib import Path

from http_client import Client, request
from options_server import http_options_server

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

import drain  # noqa: E402
import programs  # noqa: E402

APPS = Path(os.environ["HAWSER_APPS"])
BUILD = Path(os.environ["HAWSER_BENCH"]).parent
RUNS = int(os.environ.get("HAWSER_DRAIN_RUNS", "10"))


class Drain(unittest.TestCase):
    def test_under_load_no_request_is_lost_and_no_answer_torn(self):
        for run in range(RUNS):
            with programs.Server([str(APPS / "http_server"), "--quiet", "tcp://127.0.0.1:0"]) as server:
                result = drain.drain_under_load(BUILD, server, "http", load_for="200ms",
                                                grace=drain.NO_TIME_JUDGED)
            with self.subTest(run=run):
                self.assertGreaterEqual(result.answered_after, result.outstanding, result)  # they had all arrived
                self.assertEqual((result.lost, result.torn, result.resets), (0, 0, 0), result)
                self.assertEqual(result.ended, drain.CONNECTIONS, result)
                self.assertEqual(result.exit_status, 0, result)

    def test_the_last_answer_says_close_and_idle_connections_end(self):
        with http_options_server() as server:
            with Client(server) as busy, Client(server) as idle:
                self.assertFalse(idle.ask(request("/x")).closes)
                head = request("/echo", "Content-Length: 3", method="POST")
                busy.send(head)
                server.signal(signal.SIGTERM)
                server.err.wait_for("caught SIGTERM, draining 2 connections")
                self.assertEqual(idle.rest(), b"")
                busy.send(b"abc" + request("/y"))
                first, last = busy.response(), busy.response()
                self.assertEqual((first.body, first.closes), (b"abc", False))
                self.assertEqual((last.body, last.closes), (b"/y", True))
                self.assertEqual(busy.rest(), b"")
            self.assertEqual(server.wait(), 0)
            server.out.wait_for("handled 3 threw 0 failed 0")


if __name__ == "__main__":
    unittest.main(verbosity=2)
