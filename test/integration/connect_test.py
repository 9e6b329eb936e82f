"""Connecting in networks that are not whole: IPv6 that leads nowhere, and hosts without it."""
import statistics
import time
import unittest

from namespace import Namespace
from process import PATIENCE, Program, Server, run

HOSTS = {"/etc/hosts": "fd00::1 both\n10.0.0.1 both v4\n127.0.0.1 localhost\n::1 localhost\n"}


def port(server):
    return server.endpoints[0].rpartition(":")[2]


class BlackHole(unittest.TestCase):
    """A host of two addresses, of which the IPv6 one is preferred and takes every packet without an answer."""

    @classmethod
    def setUpClass(cls):
        cls.network = Namespace(files=HOSTS)
        cls.addClassCleanup(cls.network.__exit__)
        for words in (("ip", "address", "add", "fd00::1/128", "dev", "lo", "nodad"),
                      ("ip", "address", "add", "10.0.0.1/32", "dev", "lo"),
                      ("nft", "add", "table", "inet", "t"),
                      ("nft", "add", "chain", "inet", "t", "in", "{ type filter hook input priority 0; }"),
                      ("nft", "add", "rule", "inet", "t", "in", "ip6", "daddr", "fd00::1", "tcp", "dport", "!=", "1", "drop")):
            cls.network.command(*words)
        cls.server = cls.enterClassContext(Server("echo_server", "10.0.0.1:0", "--quiet", under=cls.network.enter))

    def took(self, host):
        """Seconds, of the median of five runs."""
        def once():
            begin = time.monotonic()
            status, out, err = run("echo_client", f"{host}:{port(self.server)}", "hello", under=self.network.enter)
            self.assertEqual((status, out, err), (0, ['received "hello"'], []))
            return time.monotonic() - begin
        return statistics.median(once() for _ in range(5))

    def test_ipv6_is_preferred(self):
        first = self.network.command("getent", "ahosts", "both").split()[0]
        self.assertEqual(first, "fd00::1")

    def test_it_adds_at_most_300_ms_over_ipv4_alone(self):
        added = self.took("both") - self.took("v4")
        self.assertGreaterEqual(added, 0.200)
        self.assertLessEqual(added, 0.300)

    def test_the_deadline_names_each_address_that_was_tried(self):
        with Namespace(files={"/etc/hosts": "192.0.2.1 nowhere\n192.0.2.2 nowhere\n"}) as network:
            for words in (("ip", "address", "add", "198.51.100.1/24", "dev", "lo"), ("ip", "route", "add", "192.0.2.0/24", "dev", "lo"),
                          ("nft", "add", "table", "inet", "t"),
                          ("nft", "add", "chain", "inet", "t", "out", "{ type filter hook output priority 0; }"),
                          ("nft", "add", "rule", "inet", "t", "out", "ip", "daddr", "192.0.2.1", "drop"),
                          ("nft", "add", "rule", "inet", "t", "out", "ip", "daddr", "192.0.2.2", "reject", "with", "tcp", "reset")):
                network.command(*words)
            status, out, err = run("echo_client", "--timeout", "400ms", "nowhere:7", under=network.enter)
            self.assertEqual((status, out), (1, []))
            self.assertEqual(err, ["echo_client: tcp://nowhere:7: connect_timeout after 0.4 s; "
                                   "tried 192.0.2.1: no answer, 192.0.2.2: ECONNREFUSED"])

    def test_an_address_that_fails_is_not_waited_for(self):
        with Namespace(files=HOSTS) as network:  # of fd00::1 it knows nothing
            network.command("ip", "address", "add", "10.0.0.1/32", "dev", "lo")
            with Server("echo_server", "10.0.0.1:0", "--quiet", under=network.enter) as server:
                taken = []
                for _ in range(3):
                    begin = time.monotonic()
                    self.assertEqual(run("echo_client", f"both:{port(server)}", "hello", under=network.enter)[0], 0)
                    taken.append(time.monotonic() - begin)
                self.assertLess(min(taken), 0.200)

    def test_a_source_address_leaves_those_of_its_family(self):
        taken = []
        for _ in range(3):
            begin = time.monotonic()
            status, out, err = run("echo_client", "--source", "127.0.0.9", "-v", f"both:{port(self.server)}", "hello",
                                   under=self.network.enter)
            taken.append(time.monotonic() - begin)
            self.assertEqual((status, out), (0, ['received "hello"']))
            self.assertRegex(err[0], "connected from 127.0.0.9:")
        self.assertLess(min(taken), 0.200)
        status, out, err = run("echo_client", "--source", "::1", "v4:7", under=self.network.enter)
        self.assertEqual((status, out), (2, []))
        self.assertIn('source "::1": expected an address of the same family as tcp://v4:7', err[0])


class WithoutIPv6(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Namespace(files=HOSTS)
        cls.addClassCleanup(cls.network.__exit__)
        cls.network.setting("ipv6/conf/all/disable_ipv6", 1)
        cls.network.command("ip", "address", "add", "10.0.0.1/32", "dev", "lo")

    def test_a_server_of_every_interface_serves_ipv4_with_one_warning(self):
        taken = []
        for _ in range(5):
            begin = time.monotonic()
            with Server("echo_server", ":0", under=self.network.enter) as server:
                taken.append(time.monotonic() - begin)
                for host in ("v4", "localhost", "both"):
                    status, out, err = run("echo_client", f"{host}:{port(server)}", "hello", under=self.network.enter)
                    self.assertEqual((status, out, err), (0, ['received "hello"'], []))
                self.assertEqual(server.stop(), 0)
                warnings = [line for line in server.err.all() if "IPv6" in line]
                self.assertEqual(warnings,
                                 [f"tcp://0.0.0.0:{port(server)}: this host has no IPv6 address: clients can use IPv4 alone"])
        self.assertLessEqual(statistics.median(taken), 0.100)

    def test_an_ipv6_address_fails_at_once(self):
        status, out, err = run("echo_client", "[::1]:7", under=self.network.enter)
        self.assertEqual((status, out, len(err)), (1, [], 1))
        self.assertIn("tcp://[::1]:7: connect: EADDRNOTAVAIL", err[0])


class WithIPv6(unittest.TestCase):
    def test_nothing_is_left_out(self):
        with Server("echo_server", ":0", listeners=2) as server:
            self.assertEqual(server.stop(), 0)
            self.assertFalse([line for line in server.err.all() if "IPv6" in line])


if __name__ == "__main__":
    unittest.main()
