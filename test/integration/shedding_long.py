# SPDX-License-Identifier: BSL-1.0
"""A server that idle connections have nearly filled: newcomers come in, and the idle make room for them."""
import unittest

from crowd import MANY, Crowd
from flood import has_ended
from kernel import eventually
from peers import address_of
from process import Server, exchange

LIMIT = 1000
SPARE = LIMIT // 50


class Crowded(unittest.TestCase):
    def server(self):
        return Server("echo_server", "--mode", "frames", "--quiet", "--threads", "2", "--max-connections", str(LIMIT),
                      "--idle", "10m", "tcp://127.0.0.1:0")

    def test_polite_clients_come_in_however_many_sit_idle(self):
        with self.server() as server, Crowd(address_of(server.endpoint), LIMIT - SPARE, sources=MANY) as idle:
            self.assertEqual(idle.wait(LIMIT - SPARE), LIMIT - SPARE)
            for number in range(300):
                with server.connect() as peer:
                    exchange(peer, b"%d" % number)

    def test_who_stays_is_given_the_place_of_the_idle(self):
        with self.server() as server:
            with Crowd(address_of(server.endpoint), LIMIT, sources=MANY) as idle:
                self.assertGreaterEqual(idle.wait(LIMIT), LIMIT - SPARE)
                kept = [self.enterContext(server.connect()) for _ in range(15)]
                for number, peer in enumerate(kept):
                    exchange(peer, b"%d" % number)
                # All that come are let in, and beside them as many places are left as there shall be.
                ended = len(kept) + SPARE
                self.assertTrue(eventually(lambda: sum(map(has_ended, idle.answered)) >= ended))
                for peer in kept:
                    exchange(peer)
                    peer.close()
                self.assertEqual(sum(map(has_ended, idle.answered)), ended)
            self.assertEqual(server.stop(), 0)
            self.assertTrue([line for line in server.err.all() if "shed" in line])


if __name__ == "__main__":
    unittest.main()
