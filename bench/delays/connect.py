# SPDX-License-Identifier: BSL-1.0
"""How soon a client is connected in a network that is not whole, and how soon a server starts in one without IPv6."""
import resource
import statistics
import unittest

from broken_networks import black_hole, both_families, of_few_ports, without_ipv6
from delays import Delays, seconds
from peers import address_of
from process import Server, run


def port(server):
    return server.endpoints[0].rpartition(":")[2]


class Connecting(Delays):
    def takes(self, network, *arguments):
        """The median of five runs."""
        def once():
            self.assertEqual(run("echo_client", *arguments, "hello", under=network.enter)[:2], (0, ['received "hello"']))
        return statistics.median(seconds(once) for _ in range(5))

    def test_a_silent_ipv6_address_adds_at_most_300_ms_over_ipv4_alone(self):
        with black_hole() as network, Server("echo_server", "10.0.0.1:0", "--quiet", under=network.enter) as server:
            added = self.takes(network, f"both:{port(server)}") - self.takes(network, f"v4:{port(server)}")
            self.at_most(0.300, added)

    def test_an_address_that_fails_adds_less_than_the_wait_for_one_that_is_silent(self):
        with both_families() as network, Server("echo_server", "10.0.0.1:0", "--quiet", under=network.enter) as server:
            self.at_most(0.200, self.takes(network, f"both:{port(server)}"))

    def test_a_source_address_of_ipv4_spares_the_wait_for_ipv6(self):
        with black_hole() as network, Server("echo_server", "10.0.0.1:0", "--quiet", under=network.enter) as server:
            self.at_most(0.200, self.takes(network, "--source", "127.0.0.9", f"both:{port(server)}"))


    def test_pauses_for_want_of_ports_take_at_most_half_a_processor(self):
        def used():
            usage = resource.getrusage(resource.RUSAGE_CHILDREN)
            return usage.ru_utime + usage.ru_stime

        def connect():
            self.assertEqual(run("multi_client", *address_of(server.endpoint), 11, under=network.enter)[0], 1)

        with of_few_ports(10) as network, Server("echo_server", "127.0.0.1:60000", "--quiet", under=network.enter) as server:
            before = used()
            taken = seconds(connect)
            self.at_most(0.5 * taken, used() - before)


class Starting(Delays):
    def test_a_server_of_every_interface_listens_within_100_ms_where_there_is_no_ipv6(self):
        with without_ipv6() as network:
            def start():
                servers.append(self.enterContext(Server("echo_server", ":0", under=network.enter)))

            servers = []
            taken = []
            for _ in range(5):
                taken.append(seconds(start))
                self.assertEqual(servers.pop().stop(), 0)
            self.at_most(0.100, statistics.median(taken))


if __name__ == "__main__":
    unittest.main(verbosity=2)
