# SPDX-License-Identifier: BSL-1.0
"""load: ten seconds of an open loop while the server stands still for one of them."""
import json
import time
import unittest

from kernel import eventually, stopped
from load_test import counted_by_the_kernel
from process import Program, Server


class Load(unittest.TestCase):
    def test_a_second_in_which_the_server_stands_still_is_in_the_percentiles(self):
        """Of 10,000 messages a thousand come due meanwhile; the p99 is what the hundredth of them waits for, 900 ms."""
        for mode, server in (("http", "http_server"), ("bytes", "echo_server")):
            with self.subTest(mode), Server(server, "--quiet", "tcp://127.0.0.1:0") as peer:
                with stopped(peer.pid):
                    load = self.enterContext(Program("load", "--json", "--mode", mode, "--rate", "1000",
                                                     "--messages", "10000", "--patience", "60s", peer.endpoint))
                    self.assertTrue(eventually(lambda: counted_by_the_kernel(peer.endpoint, "bytes_received")[0] > 0))
                    time.sleep(1)  # passage: what the messages that come due meanwhile have to wait
                self.assertEqual(load.wait(), 0)
                found = json.loads(load.out.all()[0])
                self.assertAlmostEqual(found["due"], 1000 * found["seconds"], delta=1)
                self.assertEqual(found["messages"], found["due"])
                self.assertGreaterEqual(found["latency_us"]["p99"], 800_000)
                self.assertGreaterEqual(found["latency_us"]["max"], 950_000)
                self.assertEqual(peer.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
