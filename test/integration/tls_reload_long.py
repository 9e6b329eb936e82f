# SPDX-License-Identifier: BSL-1.0
"""A thousand reloads under load: nobody is refused, each new certificate is shown, and nothing stays."""
import signal
import tempfile
import unittest

from certificates import Certificates, Pair, swap
from kernel import eventually, how_many_descriptors, resident
from process import Server
from tls import Newcomers

RELOADS = 1000
BETWEEN = 3  # handshakes from one reload to the next
GOOD = 9     # of ten pairs; the tenth is none
KIB = 1024


class Reloads(unittest.TestCase):
    def test_a_thousand_under_load(self):
        made = Certificates(self.enterContext(tempfile.TemporaryDirectory()))
        live = Pair(made.folder / "live.pem", made.folder / "live.key")
        for file in live:
            file.touch()
        pairs = [made.server(fresh=True) for _ in range(GOOD)]
        swap(live, pairs[0])
        server = self.enterContext(Server("echo_server", "--mode", "frames", "--quiet", "--cert", live.certificate, "--key",
                                          live.key, "tls://127.0.0.1:0"))
        idle = how_many_descriptors(server.pid)
        memory = []
        with Newcomers(server.endpoint, made.ca) as crowd:
            for number in range(RELOADS):
                is_good = number % (GOOD + 1) < GOOD
                swap(live, pairs[number % (GOOD + 1)] if is_good else made.mismatched())
                server.signal(signal.SIGHUP)
                if is_good and number < GOOD:
                    self.assertTrue(eventually(lambda: len(crowd.seen) > number), f"pair {number} is not shown")
                served = crowd.served
                self.assertTrue(eventually(lambda: crowd.served >= served + BETWEEN), crowd.failures)
                if number in (RELOADS // 2, RELOADS - 1):
                    memory.append(resident(server.pid))
            swap(live, made.server(fresh=True))
            server.signal(signal.SIGHUP)
            self.assertTrue(eventually(lambda: len(crowd.seen) == GOOD + 1))
        print(f"{crowd.served} handshakes, {(memory[1] - memory[0]) // KIB} KiB more after the second half")
        self.assertEqual(crowd.failures, [])
        self.assertEqual(len(crowd.seen), GOOD + 1)
        self.assertLessEqual(memory[1] - memory[0], 256 * KIB)
        self.assertTrue(eventually(lambda: how_many_descriptors(server.pid) == idle))
        self.assertEqual(server.stop(), 0)
        lines = [line for line in server.err.all() if "loaded anew" in line]
        self.assertTrue(any("the old ones stay" in line for line in lines))
        self.assertTrue(any("loaded anew for" in line for line in lines))


if __name__ == "__main__":
    unittest.main(verbosity=2)
