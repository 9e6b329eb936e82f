# SPDX-License-Identifier: BSL-1.0
"""A drain deadline that comes upon as many sessions as the descriptor limit of 20,000 admits."""
import signal
import unittest

from kernel import all_read, eventually
from options_server import options_server
from pace import what_was_cut

FOR_EVER = 600_000  # milliseconds
SESSIONS = 19_000


class Cut(unittest.TestCase):
    def test_none_of_them_is_called_stuck(self):
        for loops in (1, 2):
            with self.subTest(loops=loops), \
                    options_server("echo", drain=FOR_EVER, frame=FOR_EVER, loops=loops) as server:
                peers = [server.connect() for _ in range(SESSIONS)]
                for peer in peers:
                    peer.sendall(b"\0")  # the head of a frame, which a drain waits for
                self.assertTrue(eventually(lambda: all_read(*peers)))
                server.signal(signal.SIGTERM)
                server.err.wait_for(f"caught SIGTERM, draining {SESSIONS} connections")
                self.assertEqual(server.stop(), 1)
                lines = what_was_cut(server)
                self.assertEqual(len(lines), SESSIONS)
                self.assertEqual([line for line in lines if "abandoned" in line], [])
                for peer in peers:
                    peer.close()


if __name__ == "__main__":
    unittest.main()
