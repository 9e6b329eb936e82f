# SPDX-License-Identifier: BSL-1.0
"""What README.md shows of the programs is what they print, but for ports, times and rates."""
import pathlib
import unittest

import tour

README = pathlib.Path(__file__).parents[2] / "README.md"


class Tour(unittest.TestCase):
    def test_its_commands_print_what_it_says(self):
        blocks = tour.BLOCK.findall(README.read_text())
        self.assertGreater(len(blocks), 5)
        for block in blocks:
            with self.subTest(block.splitlines()[0]):
                self.assertEqual(tour.roughly(tour.play(block)), tour.roughly(block))

    def test_another_word_or_line_is_seen_and_another_port_or_rate_is_not(self):
        said = "$ a\nlistening on tcp://127.0.0.1:43210\n9 gone in 1.000 s, 9 a second\n"
        self.assertEqual(tour.roughly(said), tour.roughly(said.replace("43210", "50001").replace("9 a s", "8 a s")))
        pieces = '$ a\nreceived "one" from connection 1\nreceived "two" from connection 1\n'
        self.assertEqual(tour.roughly(pieces), tour.roughly('$ a\nreceived "onetwo" from connection 1\n'))
        self.assertNotEqual(tour.roughly(pieces), tour.roughly('$ a\nreceived "one" from connection 1\n'))
        for other in (said.replace("tcp", "tls"), said.replace("9 gone", "8 gone"), said + "more\n",
                      said.replace("$ a", "$ b")):
            self.assertNotEqual(tour.roughly(said), tour.roughly(other))


if __name__ == "__main__":
    unittest.main()
