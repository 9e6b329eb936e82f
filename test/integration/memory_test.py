"""What connections cost while they live, and that nothing of them stays."""
import contextlib
import time
import unittest

from crowd import MANY, Crowd, churn
from kernel import descriptors, eventually, resident
from process import Server, exchange

IDLE = 10_000
AT_MOST = 2.25 * 1024
CHURN = 100_000


class Memory(unittest.TestCase):
    def test_an_idle_connection_is_parked(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
            with server.connect() as peer:
                address = peer.getpeername()
                exchange(peer, bytes(4096))
            before = resident(server.pid)
            with contextlib.ExitStack() as stack:
                for _ in range(IDLE // 500):
                    crowd = stack.enter_context(Crowd(address, 500, payload=bytes(4096), sources=MANY))
                    self.assertEqual(crowd.wait(500), 500)
                time.sleep(5)  # passage: the idleness that is measured
                each = (resident(server.pid) - before) / IDLE
                print(f"{each:.0f} bytes for an idle connection")
                self.assertLessEqual(each, AT_MOST)
                self.assertGreater(each, 200)  # that they are there at all

    def test_a_hundred_thousand_come_and_go_and_nothing_stays(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
            idle = len(descriptors(server.pid))
            with server.connect() as peer:
                address = peer.getpeername()
                exchange(peer)
            churn(address, CHURN // 2)
            self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == idle))
            half = resident(server.pid)
            churn(address, CHURN // 2)
            self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == idle))
            grown = resident(server.pid) - half
            print(f"{grown // 1024} KiB more after {CHURN} connections than after {CHURN // 2}")
            self.assertLessEqual(grown, 256 * 1024)
            self.assertEqual(server.stop(), 0)
            server.err.wait_for("caught SIGTERM, draining 0 connections")


if __name__ == "__main__":
    unittest.main(verbosity=2)
