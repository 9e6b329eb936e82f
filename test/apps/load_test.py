"""load: what it sends, when, and what it says of it. bench/prove_load.py shows that it notices what servers do wrong."""
import json
import os
import time
import unittest

from kernel import eventually, stopped
from process import Program, Server, run

ANY_PORT = "tcp://127.0.0.1:0"
SANITIZED = os.environ["HAWSER_BUILD"] in ("asan", "tsan")


def measured(endpoint, *arguments):
    status, out, err = run("load", "--json", *arguments, endpoint)
    if (status, err) != (0, []):
        raise AssertionError((status, out, err))
    return json.loads(out[0])


class Load(unittest.TestCase):
    def test_every_mode_counts_its_answers(self):
        for mode, server in (("bytes", ("echo_server",)), ("frames", ("echo_server", "--mode", "frames")),
                             ("http", ("http_server",))):
            with self.subTest(mode), Server(*server, "--quiet", ANY_PORT) as peer:
                found = measured(peer.endpoint, "--mode", mode, "--connections", "8", "--messages", "2000")
                self.assertGreaterEqual(found["messages"], 2000)
                self.assertLessEqual(found["messages"], 2008)
                self.assertEqual(found["mode"], mode)
                self.assertGreater(found["latency_us"]["p50"], 0)
                self.assertLessEqual(found["latency_us"]["p50"], found["latency_us"]["p99.99"])
                self.assertLessEqual(found["latency_us"]["p99.99"], found["latency_us"]["max"])
                self.assertGreater(found["own_cpu_share"], 0)
                self.assertEqual(peer.stop(), 0)

    def test_an_open_loop_has_as_many_messages_due_as_its_rate_says(self):
        with Server("http_server", "--quiet", ANY_PORT) as peer:
            for rate in (50, 1000):
                found = measured(peer.endpoint, "--mode", "http", "--rate", rate, "--duration", "1s")
                self.assertAlmostEqual(found["due"], rate * found["seconds"], delta=0.01 * rate + 2)
                self.assertGreaterEqual(found["messages"], 0.9 * found["due"])
                self.assertLessEqual(found["messages"], found["due"])

    def test_a_latency_counts_from_when_the_message_was_due(self):
        """A server that stands still for a fifth of the time: a closed loop would hardly see it."""
        with Server("http_server", "--quiet", ANY_PORT) as peer:
            with Program("load", "--json", "--mode", "http", "--rate", "1000", "--duration", "2s", peer.endpoint) as load:
                begin = time.monotonic()
                self.assertTrue(eventually(lambda: time.monotonic() >= begin + 0.8))
                with stopped(peer.pid):
                    self.assertTrue(eventually(lambda: time.monotonic() >= begin + 1.2))
                self.assertEqual(load.wait(), 0)
                found = json.loads(load.out.all()[0])
            self.assertGreaterEqual(found["messages"], 0.99 * found["due"])
            self.assertGreaterEqual(found["latency_us"]["p90"], 100_000)
            self.assertGreaterEqual(found["latency_us"]["p99"], 320_000)
            self.assertEqual(peer.stop(), 0)

    def test_wrong_command_lines(self):
        for arguments, expected in ((("--rate", "0", "--duration", "1s"), "--rate"),
                                    (("--rate", "x", "--duration", "1s"), "--rate"),
                                    (("--rate", "5", "--term-pid", "1"), "--rate and --term-pid"),
                                    (("--mode", "tcp", "--duration", "1s"), "--mode"),
                                    (("--duration", "10"), "--duration")):
            status, out, err = run("load", *arguments, "tcp://127.0.0.1:1")
            self.assertEqual((status, out, len(err)), (2, [], 1), arguments)
            self.assertIn(expected, err[0])

    def test_a_server_that_is_not_there_is_named(self):
        status, _, err = run("load", "--duration", "1s", "tcp://127.0.0.1:1")
        self.assertEqual((status, len(err)), (1, 1))
        self.assertIn("127.0.0.1:1", err[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
