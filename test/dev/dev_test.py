# SPDX-License-Identifier: BSL-1.0
"""What ./dev asks for before it begins: only what is missing, on a system without apt too."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
APT = ("apt-get", "dpkg-query")


class Dev(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_without(self, *missing, arguments, stubs=()):
        """Runs ./dev where these commands are not found. Stubs are commands that do nothing, and fail."""
        for directory in os.environ["PATH"].split(os.pathsep):
            for path in pathlib.Path(directory).glob("*"):
                if path.name not in missing and path.name not in stubs and not (self.folder / path.name).is_symlink():
                    (self.folder / path.name).symlink_to(path)
        for name in stubs:
            (self.folder / name).write_text("#!/bin/sh\nexit 1\n")
            (self.folder / name).chmod(0o755)
        return subprocess.run([ROOT / "dev", *arguments], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                              env={**os.environ, "PATH": str(self.folder)})

    def test_without_apt_a_build_begins_if_all_that_it_needs_is_there(self):
        done = self.run_without(*APT, arguments=["test"], stubs=["cmake"])
        self.assertNotIn("missing", done.stderr)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (1, "0 passed, 2 failed"), done.stderr)

    def test_without_apt_what_is_missing_is_listed_and_nothing_else(self):
        done = self.run_without(*APT, "ninja", "lsof", arguments=["test"], stubs=["cmake"])
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr, "dev: missing, under Debian's names, and there is no apt to install it:\n"
                                      "  ninja-build\n  lsof\n")

    def test_without_a_compiler_no_header_counts_as_found(self):
        done = self.run_without(*APT, "g++", arguments=["build"], stubs=["cmake"])
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.split()[-9:], [
            "g++", "libboost1.81-dev", "libboost-json1.81-dev", "libboost-url1.81-dev", "libssl-dev",
            "libbenchmark-dev", "libcli11-dev", "libspdlog-dev", "prometheus-cpp-dev"])

    def test_the_minutes_of_each_phase_are_told_at_the_end(self):
        done = self.run_without(*APT, arguments=["test"], stubs=["cmake"])
        self.assertRegex(done.stdout, r"Minutes:\n +0\.\d  build dev\n +0\.\d  build asan\n0 passed, 2 failed\n$")

    def test_a_repetition_without_a_number_or_a_name_is_refused(self):
        for arguments, words in ((("many", "accept_test"), "expected a number of times, got 'many'"),
                                 (("0", "accept_test"), "expected a number of times, got '0'"),
                                 (("20",), "expected the name of a test, or a part of it, got ''"),
                                 (("20", "accept_test", "release"), "expected dev, asan or tsan, got 'release'")):
            with self.subTest(arguments):
                done = subprocess.run([ROOT / "dev", "test", "--repeat", *arguments], text=True, capture_output=True)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stderr, f"dev: --repeat: {words}\n")


if __name__ == "__main__":
    unittest.main()
