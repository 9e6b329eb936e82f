# SPDX-License-Identifier: BSL-1.0
"""How long something takes, beside how long it may: for bench/delays."""
import time
import unittest


def seconds(action):
    """That a call takes."""
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


class Delays(unittest.TestCase):
    def at_most(self, bound, taken, what=""):
        """Prints what was measured, in seconds, and expects no more than the bound."""
        print(f"{what}{': ' if what else ''}{1e3 * taken:.1f} ms (at most {1e3 * bound:g})", flush=True)
        self.assertLessEqual(taken, bound)
