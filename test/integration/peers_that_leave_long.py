# SPDX-License-Identifier: BSL-1.0
"""Peers that leave, a thousand times in each state."""
import os
import unittest

os.environ["HAWSER_RESETS"] = "1000"

from peers_that_leave_test import Ended, Reset, Unix  # noqa: E402, F401

if __name__ == "__main__":
    unittest.main(verbosity=2)
