"""A host that runs out of ports to connect from: a typed error, pauses, and no spinning."""
import resource
import time
import unittest

from namespace import Namespace
from process import Server, run

PORTS = 10


class OutOfPorts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Namespace()
        cls.addClassCleanup(cls.network.__exit__)
        cls.network.setting("ipv4/ip_local_port_range", f"50001 {50000 + PORTS}")
        cls.network.setting("ipv4/tcp_tw_reuse", 0)  # a port is not had again after a second

    def multi_client(self, server, connections):
        host, _, port = server.endpoint.removeprefix("tcp://").rpartition(":")
        begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        status, out, err = run("multi_client", host, port, connections, under=self.network.enter)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return status, err, time.monotonic() - begin, used

    def test_as_many_connections_as_ports_are_made(self):
        with Server("echo_server", "127.0.0.1:60000", "--quiet", under=self.network.enter) as server:
            self.assertEqual(self.multi_client(server, PORTS)[:2], (0, []))

    def test_one_more_is_an_error_of_its_own_after_pauses(self):
        with Server("echo_server", "127.0.0.2:60000", "--quiet", under=self.network.enter) as server:
            status, err, took, used = self.multi_client(server, PORTS + 1)
            self.assertEqual((status, len(err)), (1, 1), err)
            self.assertIn("tcp://127.0.0.2:60000: connect: out_of_ports (", err[0])
            self.assertGreaterEqual(took, 0.630)
            self.assertLess(used, 0.5 * took)
            self.assertEqual(server.stop(), 0)  # and the server has nobody left


if __name__ == "__main__":
    unittest.main()
