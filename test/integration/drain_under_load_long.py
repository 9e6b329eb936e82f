# SPDX-License-Identifier: BSL-1.0
"""The drain under load, fifty times."""
import os
import unittest

os.environ["HAWSER_DRAIN_RUNS"] = "50"

from drain_under_load_test import UnderLoad  # noqa: E402, F401

if __name__ == "__main__":
    unittest.main(verbosity=2)
