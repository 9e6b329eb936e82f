# SPDX-License-Identifier: BSL-1.0
"""How long port_scan takes: for every port, at a lower rate, and for ports that do not answer."""
import json
import unittest

from delays import Delays
from namespace import Namespace
from process import run


class Scans(Delays):
    """In a network where nothing listens, and ports 700 to 899 do not answer."""

    @classmethod
    def setUpClass(cls):
        cls.network = cls.enterClassContext(Namespace())
        for words in (("add", "table", "inet", "t"),
                      ("add", "chain", "inet", "t", "in", "{ type filter hook input priority 0; }"),
                      ("add", "rule", "inet", "t", "in", "tcp", "dport", "700-899", "drop")):
            cls.network.command("nft", *words)

    def scan(self, bound, *arguments):
        status, out, err = run("port_scan", "--json", "127.0.0.1", *arguments, under=self.network.enter)
        self.assertEqual((status, err), (0, []))
        self.at_most(bound, json.loads(out[0])["seconds"], " ".join(arguments))

    def test_every_port_that_answers_takes_less_than_ten_seconds_in_all(self):
        self.scan(10, "1-699,900-65535")

    def test_a_hundred_ports_at_200_a_second_take_two_seconds_at_most(self):
        self.scan(2, "1000-1100", "--rate", "200")

    def test_200_ports_that_do_not_answer_in_half_a_second_take_two_seconds_at_most(self):
        self.scan(2, "700-899", "--timeout", "0.5s")

    def test_ten_ports_that_do_not_answer_five_at_once_take_two_seconds_at_most(self):
        self.scan(2, "700-709", "--timeout", "0.1s", "--parallel", "5")


if __name__ == "__main__":
    unittest.main(verbosity=2)
