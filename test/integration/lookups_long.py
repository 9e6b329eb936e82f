# SPDX-License-Identifier: BSL-1.0
"""Name servers that fail, do not know, or never answer: what it costs those who ask, and the others on their loop."""
import select
import unittest

from kernel import threads
from name_lookups import AT_ONCE, OWN_THREADS, POOL, answer, ask, lookups_server, network_with_a_name_server
from pace import Pace, unless_late
from peers import NameServer
from process import exchange


class Lookups(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = cls.enterClassContext(network_with_a_name_server())
        cls.asked = cls.enterClassContext(NameServer(cls.network)).asked

    def test_what_a_name_server_says_is_an_error_of_the_look_up(self):
        with lookups_server(self.network) as server, server.connect() as client:
            for name, symbol in ((b"no-such-name.test", "EAI_NONAME"), (b"fails.test", "EAI_AGAIN"),
                                 (b"four.test", "found")):
                with self.subTest(name=name):
                    ask(client, 20, name)
                    self.assertEqual({how: number for how, (number, _, _) in answer(client).items()}, {symbol: 20})
                    self.asked.wait_for(name.decode())

    def test_a_name_that_is_none_does_not_reach_the_resolver(self):
        before = len(self.asked.seen)
        with lookups_server(self.network) as server, server.connect() as client:
            for name in (b"silent.test\0.example", b"\0", b"a." * 126 + b"aa", b"a" * 64 + b".test"):
                with self.subTest(name=name):
                    ask(client, 20, name)
                    self.assertEqual(list(answer(client)), ["invalid_name"])
            ask(client, 1, b"a." * 126 + b"a")  # one byte less is a name
            self.assertEqual(list(answer(client)), ["EAI_NONAME"])
        self.asked.wait_for(r"(a\.){126}a")
        self.assertEqual(set(self.asked.seen[before:]), {"a." * 126 + "a"})

    def test_ten_thousand_at_once_that_are_never_answered(self):
        unless_late(self.ten_thousand)

    def ten_thousand(self):
        with lookups_server(self.network) as server, server.connect() as client, server.connect() as victim:
            exchange(victim)
            with Pace(9.5):  # the first are given up after 5 s: by then, the last have to have begun
                with Pace(4.5):
                    ask(client, 10_000, b"silent.test")
                    for _ in range(100):
                        exchange(victim)
                    self.assertEqual(select.select([client], [], [], 0)[0], [])
                found = answer(client)
                self.assertEqual({how: number for how, (number, _, _) in found.items()},
                                 {"lookup_timeout": AT_ONCE, "resolver_busy": 10_000 - AT_ONCE})
            self.assertGreaterEqual(found["lookup_timeout"][1], 4.8)
            self.assertEqual(len(threads(server.pid)), OWN_THREADS + POOL)
            self.assertEqual(server.stop(), 0)  # though the threads are still stuck


if __name__ == "__main__":
    unittest.main()
