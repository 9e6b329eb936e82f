# SPDX-License-Identifier: BSL-1.0
"""The man page of each program, made from its --help: whole, and without a complaint of mandoc's."""
import os
import pathlib
import re
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = sorted(path for path in pathlib.Path(os.environ["HAWSER_APPS"]).iterdir()
                  if path.is_file() and os.access(path, os.X_OK))


def output(*command, **options):
    return subprocess.run(command, text=True, check=True, capture_output=True, **options).stdout


def made(program):
    """Its page, what mandoc complains of, what a reader sees, and its --help."""
    page = output(ROOT / "apps/man_page", program, f"hawser-{program.name}",
                  env={**os.environ, "SOURCE_DATE_EPOCH": "0"})
    lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning"], input=page, text=True, capture_output=True)
    seen = output("mandoc", "-Tutf8", "-O", "width=200", input=page)
    return page, lint.stdout + lint.stderr, re.sub(r".\x08", "", seen), output(program, "--help")


class ManPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with ThreadPoolExecutor(2) as pool:
            cls.pages = dict(zip([program.name for program in PROGRAMS], pool.map(made, PROGRAMS)))

    def test_each_program_has_one(self):
        self.assertGreater(len(self.pages), 15)
        for name, (page, complaints, seen, _) in self.pages.items():
            with self.subTest(name):
                self.assertEqual(complaints, "")
                self.assertTrue(page.startswith(f'.TH hawser-{name} 1 1970-01-01 "Hawser '), page[:80])
                self.assertRegex(seen, rf"NAME\n +hawser-{name} - \w[^\n]*[^.\n]\n")
                self.assertRegex(seen, rf"SYNOPSIS\n +hawser-{name} \[OPTIONS\]")

    def test_every_option_is_in_it(self):
        for name, (_, _, seen, text) in self.pages.items():
            for option in re.findall(r"^  (?:-\w,)?(-[-\w]+)", text, re.MULTILINE):
                self.assertRegex(seen, rf"(?m)^ +(-\w,)?{re.escape(option)}\b", f"{name} {option}")


if __name__ == "__main__":
    unittest.main()
