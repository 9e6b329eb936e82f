# SPDX-License-Identifier: BSL-1.0
"""How long a drain takes where nothing keeps it, and how late it ends what does; and that nothing is lost meanwhile."""
import os
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import drain  # noqa: E402
import programs  # noqa: E402
from delays import Delays, seconds  # noqa: E402
from options_server import options_server  # noqa: E402
from process import exchange  # noqa: E402

APPS = Path(os.environ["HAWSER_APPS"])
BUILD = Path(os.environ["HAWSER_BENCH"]).parent


class Deadline(Delays):
    def test_what_is_open_after_500_ms_is_cut_and_the_process_ends_within_100_ms(self):
        for handler, loops in (("wait_for_ever", 2), ("ignore_the_end", 2), ("spin", 1), ("spin", 2)):
            def drained():
                with options_server(handler, drain=500, loops=loops) as server, server.connect() as peer:
                    exchange(peer)
                    return seconds(lambda: self.assertEqual(server.stop(), 1))

            # Of what is too late once, this machine may be the cause.
            self.at_most(0.600, min(drained() for _ in range(3)), f"{handler}, {loops} loops")

    def test_the_second_signal_cuts_within_100_ms(self):
        with options_server("wait_for_ever", drain=60_000) as server, server.connect() as peer:
            exchange(peer)
            server.signal(signal.SIGTERM)
            server.err.wait_for("caught SIGTERM, draining 1 connections?")
            self.at_most(0.100, seconds(lambda: self.assertEqual(server.stop(), 1)))


class Gentle(Delays):
    def test_beside_a_handler_that_never_suspends_another_session_ends_within_400_ms(self):
        with options_server("spin", drain=5000, loops=2) as server, server.connect() as quiet, server.connect() as busy:
            exchange(busy)
            begin = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(quiet.recv(1), b"")
            self.at_most(0.400, time.monotonic() - begin)

    def test_a_parked_connection_is_ended_within_500_ms(self):
        with options_server("echo", frame=20, idle=60_000) as server, server.connect() as peer:
            exchange(peer)
            time.sleep(0.2)  # ten looks, after which the connection holds no buffer
            begin = time.monotonic()
            server.signal(signal.SIGTERM)
            self.assertEqual(peer.recv(1), b"")
            peer.close()
            self.assertEqual(server.wait(), 0)
            self.at_most(0.500, time.monotonic() - begin)


class UnderLoad(unittest.TestCase):
    def test_whatever_was_sent_50_ms_before_the_end_is_answered(self):
        for program, mode in (("echo_server", ["--mode", "frames"]), ("echo_server", ["--mode", "bytes"]), ("http_server", [])):
            with self.subTest(program=program, mode=mode):
                with programs.Server([str(APPS / program), "--quiet", *mode, "tcp://127.0.0.1:0"]) as server:
                    result = drain.drain_under_load(BUILD, server, mode[-1] if mode else "http")
                print(f"{result.lost} lost of {result.outstanding} and more", flush=True)
                self.assertEqual(result.lost, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
