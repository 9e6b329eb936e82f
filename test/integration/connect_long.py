# SPDX-License-Identifier: BSL-1.0
"""A host that runs out of ports to connect from: a typed error, pauses, and no spinning."""
import time
import unittest

from broken_networks import of_few_ports
from kernel import TracedProgram
from peers import address_of
from process import Server

PORTS = 10
TRIES = 7  # after pauses of 10, 20, 40, 80, 160 and 320 ms


class OutOfPorts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = cls.enterClassContext(of_few_ports(PORTS))

    def multi_client(self, server, connections):
        """Its exit status, its errors and its calls."""
        with TracedProgram("multi_client", *address_of(server.endpoint), connections, trace="connect,epoll_wait",
                           under=self.network.enter) as client:
            status = client.wait()
            client.calls.all()
            return status, client.err.all(), client.calls.whole()

    def test_as_many_connections_as_ports_are_made(self):
        with Server("echo_server", "127.0.0.1:60000", "--quiet", under=self.network.enter) as server:
            self.assertEqual(self.multi_client(server, PORTS)[:2], (0, []))

    def test_one_more_is_an_error_of_its_own_after_pauses(self):
        with Server("echo_server", "127.0.0.2:60000", "--quiet", under=self.network.enter) as server:
            begin = time.monotonic()
            status, err, calls = self.multi_client(server, PORTS + 1)
            self.assertGreaterEqual(time.monotonic() - begin, 0.500)
            self.assertEqual((status, len(err)), (1, 1), err)
            self.assertIn("tcp://127.0.0.2:60000: connect: out_of_ports (", err[0])
            self.assertEqual(sum("EADDRNOTAVAIL" in call for call in calls), TRIES)
            self.assertLess(sum("epoll_wait(" in call for call in calls), 500)
            self.assertEqual(server.stop(), 0)  # and the server has nobody left


if __name__ == "__main__":
    unittest.main()
