# SPDX-License-Identifier: BSL-1.0
"""Every piece of C++ in README.md compiles, and every program among them runs and does its work."""
import pathlib
import tempfile
import unittest

import build_and_run
import snippets


class Readme(unittest.TestCase):
    def test_its_code_compiles_and_runs(self):
        pieces = snippets.cut((build_and_run.ROOT / "README.md").read_text())
        roles = [piece.role for piece in pieces]
        self.assertIn("server", roles)
        self.assertIn("client", roles)
        with tempfile.TemporaryDirectory() as folder:
            ran = build_and_run.build_and_run(pieces, pathlib.Path(folder))
        self.assertEqual(ran, sum(role is not None for role in roles))


if __name__ == "__main__":
    unittest.main()
