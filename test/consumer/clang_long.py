# SPDX-License-Identifier: BSL-1.0
"""The library, and what is built on it, by clang with the project's warnings as errors, those of its headers too."""
import os
import pathlib
import shutil
import unittest

from projects import ROOT, TOOLS, cmake, must

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = pathlib.Path(os.environ["HAWSER_TEST_PROGRAMS"]) / "clang"
CLANG = "clang++-16"
WARNINGS = ("-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-align -Wimplicit-fallthrough "
            "-Woverloaded-virtual -Werror")


class Clang(unittest.TestCase):
    def test_the_library_and_a_consumer_compile_without_a_warning(self):
        shutil.rmtree(FOLDER, ignore_errors=True)
        cmake("--preset", "clang", "-S", ROOT, "-B", FOLDER / "build", *TOOLS, f"-DCMAKE_CXX_COMPILER={CLANG}", cwd=ROOT)
        cmake("--build", FOLDER / "build")
        cmake("--install", FOLDER / "build", "--prefix", FOLDER / "installed")
        cmake("-S", HERE, "-B", FOLDER / "parts", *TOOLS, f"-DCMAKE_CXX_COMPILER={CLANG}", f"-DCMAKE_CXX_FLAGS={WARNINGS}",
              f"-DCMAKE_PREFIX_PATH={FOLDER / 'installed'}", "-DCMAKE_NO_SYSTEM_FROM_IMPORTED=ON")
        cmake("--build", FOLDER / "parts")
        self.assertEqual(must(FOLDER / "parts/every_part"), "hello\ninvalid_endpoint\nrefused\n")
        self.assertEqual(must(FOLDER / "parts/handler_test"), "failed: idle_timeout\n")


if __name__ == "__main__":
    unittest.main()
