# SPDX-License-Identifier: BSL-1.0
"""Connecting in networks that are not whole: IPv6 that leads nowhere, and hosts without it."""
import re
import time
import unittest

from broken_networks import black_hole, both_families, made, without_ipv6
from kernel import TracedProgram
from process import Server, run

NO_TIMER_RINGS = ("timerfd_settime:retval=0",)


def port(server):
    return server.endpoints[0].rpartition(":")[2]


class BlackHole(unittest.TestCase):
    """A host of two addresses, of which the IPv6 one is preferred and takes every packet without an answer."""

    @classmethod
    def setUpClass(cls):
        cls.network = cls.enterClassContext(black_hole())
        cls.server = cls.enterClassContext(Server("echo_server", "10.0.0.1:0", "--quiet", under=cls.network.enter))

    def families(self, client):
        """Of the addresses that it connects to over TCP, in their order; the client must be ending."""
        client.calls.all()
        # Connecting a datagram socket, as getaddrinfo() does to compare addresses, is never in progress.
        found = [re.search(r"connect\(.*sa_family=AF_(INET6?),.* = -1 E(INPROGRESS|CONNREFUSED)", line)
                 for line in client.calls.whole()]
        return [match[1] for match in found if match]

    def test_ipv6_is_preferred(self):
        first = self.network.command("getent", "ahosts", "both").split()[0]
        self.assertEqual(first, "fd00::1")

    def test_the_other_address_is_tried_beside_one_that_is_silent_and_not_at_once(self):
        begin = time.monotonic()
        with TracedProgram("echo_client", f"both:{port(self.server)}", "hello", trace="connect",
                           under=self.network.enter) as client:
            self.assertEqual((client.wait(), client.out.all(), client.err.all()), (0, ['received "hello"'], []))
            self.assertGreaterEqual(time.monotonic() - begin, 0.200)
            self.assertEqual(self.families(client), ["INET6", "INET"])

    def test_the_deadline_names_each_address_that_was_tried(self):
        with made(("ip", "address", "add", "198.51.100.1/24", "dev", "lo"),
                  ("ip", "route", "add", "192.0.2.0/24", "dev", "lo"),
                  ("nft", "add", "table", "inet", "t"),
                  ("nft", "add", "chain", "inet", "t", "out", "{ type filter hook output priority 0; }"),
                  ("nft", "add", "rule", "inet", "t", "out", "ip", "daddr", "192.0.2.1", "drop"),
                  ("nft", "add", "rule", "inet", "t", "out", "ip", "daddr", "192.0.2.2", "reject", "with", "tcp", "reset"),
                  files={"/etc/hosts": "192.0.2.1 nowhere\n192.0.2.2 nowhere\n"}) as network:
            for seconds in ("0.4", "4.0", "40.0"):  # in less than 0.4 s it may come to the second address too late
                status, out, err = run("echo_client", "--timeout", f"{seconds}s", "nowhere:7", under=network.enter)
                self.assertEqual((status, out, len(err)), (1, [], 1))
                if "ECONNREFUSED" in err[0]:
                    break
            self.assertEqual(err, [f"echo_client: tcp://nowhere:7: connect_timeout after {seconds} s; "
                                   "tried 192.0.2.1: no answer, 192.0.2.2: ECONNREFUSED"])

    def test_an_address_that_fails_is_not_waited_for(self):
        with both_families() as network, Server("echo_server", "10.0.0.1:0", "--quiet", under=network.enter) as server:
            with TracedProgram("echo_client", f"both:{port(server)}", "hello", trace="connect,timerfd_settime",
                               inject=NO_TIMER_RINGS, under=network.enter) as client:
                self.assertEqual((client.wait(), client.out.all()), (0, ['received "hello"']))
                self.assertEqual(self.families(client), ["INET6", "INET"])

    def test_a_source_address_leaves_those_of_its_family(self):
        with TracedProgram("echo_client", "--source", "127.0.0.9", "-v", f"both:{port(self.server)}", "hello",
                           trace="connect", under=self.network.enter) as client:
            self.assertEqual((client.wait(), client.out.all()), (0, ['received "hello"']))
            self.assertRegex(client.err.all()[0], "connected from 127.0.0.9:")
            self.assertEqual(self.families(client), ["INET"])
        status, out, err = run("echo_client", "--source", "::1", "v4:7", under=self.network.enter)
        self.assertEqual((status, out), (2, []))
        self.assertIn('source "::1": expected an address of the same family as tcp://v4:7', err[0])


class WithoutIPv6(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = cls.enterClassContext(without_ipv6())

    def test_a_server_of_every_interface_serves_ipv4_with_one_warning(self):
        with Server("echo_server", ":0", under=self.network.enter) as server:
            for host in ("v4", "localhost", "both"):
                status, out, err = run("echo_client", f"{host}:{port(server)}", "hello", under=self.network.enter)
                self.assertEqual((status, out, err), (0, ['received "hello"'], []))
            self.assertEqual(server.stop(), 0)
            warnings = [line for line in server.err.all() if "IPv6" in line]
            self.assertEqual(warnings,
                             [f"tcp://0.0.0.0:{port(server)}: this host has no IPv6 address: clients can use IPv4 alone"])

    def test_an_ipv6_address_fails(self):
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
