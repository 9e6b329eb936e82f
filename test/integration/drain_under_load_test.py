# SPDX-License-Identifier: BSL-1.0
"""SIGTERM while a thousand frames are in flight: none is lost, none is torn, and nobody sees a reset."""
import os
import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

import drain  # noqa: E402
from programs import Server  # noqa: E402

APPS = Path(os.environ["HAWSER_APPS"])
BUILD = Path(os.environ["HAWSER_BENCH"]).parent
RUNS = int(os.environ.get("HAWSER_DRAIN_RUNS", "10"))


class UnderLoad(unittest.TestCase):
    def drained(self, mode):
        with Server([str(APPS / "echo_server"), "--quiet", "--mode", mode, "tcp://127.0.0.1:0"]) as server:
            return drain.drain_under_load(BUILD, server, mode, load_for="200ms", grace=drain.NO_TIME_JUDGED)

    def check(self, mode, runs):
        for run in range(runs):
            result = self.drained(mode)
            with self.subTest(mode=mode, run=run):
                self.assertGreaterEqual(result.outstanding, drain.OUTSTANDING)
                self.assertGreaterEqual(result.answered_after, result.outstanding, result)  # they had all arrived
                self.assertEqual((result.lost, result.torn, result.resets), (0, 0, 0), result)
                self.assertEqual(result.ended, drain.CONNECTIONS, result)
                self.assertEqual(result.exit_status, 0, result)
                self.assertRegex(result.report[1], r"drained 64 connections in .*, cut 0")

    def test_frames(self):
        self.check("frames", RUNS)

    def test_bytes(self):
        self.check("bytes", max(2, RUNS // 5))


if __name__ == "__main__":
    unittest.main(verbosity=2)
