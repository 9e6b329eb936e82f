"""A stranger's project uses Hawser by add_subdirectory: it builds, runs, and inherits no flag."""
import json
import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def cmake(*arguments):
    run = subprocess.run([os.environ["HAWSER_CMAKE"], *arguments], text=True, capture_output=True)
    if run.returncode != 0:
        raise AssertionError(run.stdout + run.stderr)


def inherited(command):
    """The flags of a compiler's command line that are neither include folders, the language level nor file names."""
    words = iter(shlex.split(command))
    flags = []
    for word in words:
        if word in ("-o", "-isystem", "-I"):
            next(words)
        elif word.startswith("-") and word != "-c" and not word.startswith(("-I", "-isystem", "-std=")):
            flags.append(word)
    return flags


class Consumer(unittest.TestCase):
    def test_builds_runs_and_inherits_nothing(self):
        with tempfile.TemporaryDirectory() as build:
            cmake("-S", HERE, "-B", build, "-G", "Ninja", f"-DHAWSER_SOURCE_DIR={ROOT}",
                  f"-DCMAKE_CXX_COMPILER={os.environ['HAWSER_CXX']}",
                  f"-DCMAKE_CXX_COMPILER_LAUNCHER={os.environ['HAWSER_CXX_LAUNCHER']}")
            commands = json.loads(pathlib.Path(build, "compile_commands.json").read_text())
            own = [entry["command"] for entry in commands if pathlib.Path(entry["file"]) == HERE / "main.cpp"]
            self.assertEqual(len(own), 1)
            launched = own[0].split(os.environ["HAWSER_CXX"] + " ", 1)[1]
            self.assertEqual(inherited(launched), [])
            cmake("--build", build, "--target", "consumer")
            run = subprocess.run([f"{build}/consumer"], text=True, capture_output=True, check=True)
            self.assertEqual(run.stdout, "idle_timeout\n")

    def test_a_flag_that_leaks_is_seen(self):
        self.assertEqual(inherited("c++ -DX -isystem /a -I/b -std=gnu++20 -Wall -fno-rtti -o m.o -c m.cpp"),
                         ["-DX", "-Wall", "-fno-rtti"])


if __name__ == "__main__":
    unittest.main()
