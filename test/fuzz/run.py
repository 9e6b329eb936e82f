# SPDX-License-Identifier: BSL-1.0
"""Runs every fuzz target for a time: python3 run.py BUILD-DIR SECONDS.

New inputs go to the build directory; test/fuzz/corpus, which is kept, is read only. The first crash ends it.
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def main(build, seconds):
    folder = pathlib.Path(build).resolve() / "test"
    targets = sorted(path for path in folder.glob("*_fuzz") if path.is_file() and os.access(path, os.X_OK))
    if not targets:
        sys.exit(f"no fuzz target in {folder}")
    for target in targets:
        name = target.name.removesuffix("_fuzz")
        found = folder / "corpus" / name
        found.mkdir(parents=True, exist_ok=True)
        print(f"-- {name}: {seconds} s", flush=True)
        options = [f"-max_total_time={seconds}", "-timeout=10", "-print_final_stats=1", "-verbosity=0",
                   f"-artifact_prefix={folder}/{name}-"]
        sanitizers = {"ASAN_OPTIONS": "allow_addr2line=1", "UBSAN_OPTIONS": "print_stacktrace=1:allow_addr2line=1"}
        subprocess.run([target, *options, found, HERE / "corpus" / name], env=os.environ | sanitizers, check=True)
    print(f"{len(targets)} fuzz targets, {seconds} s each, nothing found")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
