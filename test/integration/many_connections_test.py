# SPDX-License-Identifier: BSL-1.0
"""As many connections as the descriptor limit allows, less a twentieth, are held and served."""
import resource
import unittest

from crowd import MANY, Crowd
from kernel import descriptors, eventually
from process import PATIENCE, Server, exchange

FRAMES = ("--mode", "frames", "--quiet", "--idle", "5m")


class Many(unittest.TestCase):
    def test_all_are_held_and_served(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        count = min(limit, 20_000) * 95 // 100
        with Server("echo_server", *FRAMES, "tcp://127.0.0.1:0") as server:
            idle = len(descriptors(server.pid))
            with server.connect() as peer:
                address = peer.getpeername()
                exchange(peer)
            self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == idle))
            with Crowd(address, count, sources=MANY) as crowd:
                self.assertEqual(crowd.wait(count), count)
                self.assertEqual(len(descriptors(server.pid)), idle + count)
                for peer in crowd.answered:
                    peer.settimeout(PATIENCE)
                    exchange(peer, b"still there")
            self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == idle))
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
