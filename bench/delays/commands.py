# SPDX-License-Identifier: BSL-1.0
"""How soon the programs answer: an open loop at a thousand a second, and others beside slow clients."""
import json
import os
import tempfile
import time
import unittest
from pathlib import Path

from delays import Delays
from judge import attacked
from kernel import stopped
from process import Program, Server, run

ANY_PORT = "tcp://127.0.0.1:0"
CONNECTIONS = 1000
HEAD = 10   # seconds that http_server gives a request's head
PROBE = 3   # seconds within which another client has to be answered
BIG = 8 * 1024 * 1024


class OpenLoop(Delays):
    def nearly_in_time(self, found):
        self.assertEqual(found["messages"], found["due"])
        self.at_most(0.1, found["seconds_to_last_answer"] - found["seconds"], "the last answer, after the end")

    def test_all_that_comes_due_is_answered_soon(self):
        with Server("http_server", "--quiet", ANY_PORT) as peer:
            for rate in (50, 1000):
                status, out, err = run("load", "--json", "--mode", "http", "--rate", rate, "--duration", "3s",
                                       peer.endpoint)
                self.assertEqual((status, err), (0, []))
                self.nearly_in_time(json.loads(out[0]))

    def test_a_second_in_which_the_server_stands_still_delays_no_more_than_what_comes_due_then(self):
        for mode, server in (("http", "http_server"), ("bytes", "echo_server")):
            with self.subTest(mode), Server(server, "--quiet", ANY_PORT) as peer, \
                    Program("load", "--json", "--mode", mode, "--rate", "1000", "--duration", "10s",
                            peer.endpoint) as load:
                time.sleep(4)
                with stopped(peer.pid):
                    time.sleep(1)
                self.assertEqual(load.wait(), 0)
                found = json.loads(load.out.all()[0])
                self.nearly_in_time(found)
                self.at_most(0.1, found["latency_us"]["p75"] / 1e6, f"{mode}: the 75th percentile")
                self.assertGreaterEqual(found["latency_us"]["p99"], 800_000)


class SlowClients(Delays):
    """A thousand of slowhttptest's."""

    def judged(self, *options):
        """Somebody else is answered in time in every second of it."""
        with tempfile.TemporaryDirectory() as root:
            Path(root, "big").write_bytes(os.urandom(BIG))
            with Server("http_server", "--quiet", "--root", root, ANY_PORT) as server:
                states = attacked(server, "/big", *options, connections=CONNECTIONS, probe=PROBE)
        unanswered = sum(not s.available for s in states)
        print(f"in {unanswered} of {len(states)} s nobody else was answered in {PROBE} s (at most 0)")
        self.assertTrue(all(s.available for s in states))
        return states

    def test_slow_headers_are_cut_within_two_seconds_of_their_deadline(self):
        states = self.judged("-H", "-i", 10, "-x", 24)
        first_full = next(n for n, s in enumerate(states) if s.connected == CONNECTIONS)
        self.at_most(HEAD + 2, len(states) - first_full, "the last of the slow headers")

    def test_slow_readers(self):
        self.judged("-X", "-w", 8, "-y", 16, "-n", 1, "-z", 100)

    def test_requests_for_a_thousand_ranges_each(self):
        self.judged("-R", "-a", 5, "-b", 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
