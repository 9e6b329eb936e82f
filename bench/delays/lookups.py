# SPDX-License-Identifier: BSL-1.0
"""What ten thousand look-ups that are never answered cost another client of their loop, and how late they end."""
import select
import statistics
import time
import unittest

from delays import Delays
from name_lookups import answer, ask, lookups_server, network_with_a_name_server
from peers import NameServer
from process import exchange

PAUSE = 0.002  # seconds, between two of the other client's frames


def all_but_one_of_a_hundred(times):
    return statistics.quantiles(times, n=100)[98]


def echoes(victim, other, most=100_000):
    """How long each took that came before the other client was answered."""
    taken = []
    while len(taken) < most and not select.select([other], [], [], PAUSE)[0]:
        begin = time.monotonic()
        exchange(victim)
        taken.append(time.monotonic() - begin)
    return taken


class Lookups(Delays):
    @classmethod
    def setUpClass(cls):
        cls.network = cls.enterClassContext(network_with_a_name_server())
        cls.enterClassContext(NameServer(cls.network))

    def test_ten_thousand_more_than_double_another_clients_delays_by_1_ms_at_most_and_end_at_their_deadline(self):
        # Of what is slow once, this machine may be the cause.
        rounds = [self.ten_thousand() for _ in range(3)]
        self.at_most(0.001, min(more for more, _, _, _ in rounds), "more than twice the 99th percentile before")
        self.at_most(5.2, min(latest for _, latest, _, _ in rounds), "the last that is given up")
        self.at_most(1.0, min(refused for _, _, refused, _ in rounds), "the last that is refused")
        print(f"{max(echoed for _, _, _, echoed in rounds)} echoes meanwhile (at least 1000)", flush=True)
        self.assertGreater(max(echoed for _, _, _, echoed in rounds), 1000)

    def ten_thousand(self):
        with lookups_server(self.network) as server, server.connect() as client, server.connect() as victim:
            before = echoes(victim, client, 1000)
            ask(client, 10_000, b"silent.test")
            during = echoes(victim, client)
            found = answer(client)
        more = all_but_one_of_a_hundred(during) - 2 * all_but_one_of_a_hundred(before)
        return more, found["lookup_timeout"][2], found["resolver_busy"][2], len(during)


if __name__ == "__main__":
    unittest.main(verbosity=2)
