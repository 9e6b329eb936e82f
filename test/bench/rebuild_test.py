# SPDX-License-Identifier: BSL-1.0
"""What the demonstration touches to say how long a change waits is a source of the library, wherever those stand."""
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "bench"))

from rebuild import largest_source  # noqa: E402


class Rebuild(unittest.TestCase):
    def test_the_largest_source_is_one_that_the_library_is_built_from(self):
        source = largest_source()
        self.assertIn(str(source.relative_to(ROOT / "lib")), (ROOT / "lib/CMakeLists.txt").read_text().split())
        self.assertGreater(source.stat().st_size, 10_000)


if __name__ == "__main__":
    unittest.main()
