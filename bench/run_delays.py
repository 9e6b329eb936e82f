#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""How soon the programs do what they must: runs bench/delays, or the files of it that are named.

    run_delays.py BUILD [NAME...]      NAME is drains for delays/drains.py; exit 0 if each delay is within its bound, 1 if not

The tests themselves judge no time, since on a slow or busy machine that fails though nothing is broken. Run this one on
a machine that does nothing else.
"""
import os
import subprocess
import sys

from programs import CORES, REPOSITORY

FOLDER = REPOSITORY / "bench" / "delays"


def environment(build):
    return {**os.environ, "HAWSER_APPS": f"{build}/apps", "HAWSER_BENCH": f"{build}/bench", "HAWSER_BUILD": build.name,
            "HAWSER_TEST_PROGRAMS": f"{build}/test", "PYTHONPATH": str(REPOSITORY / "test" / "support"),
            "PYTHONDONTWRITEBYTECODE": "1"}


def chosen(names):
    """The files of these names, or all."""
    files = {path.stem: path for path in sorted(FOLDER.glob("*.py"))}
    unknown = [name for name in names if name not in files]
    if unknown:
        sys.exit(f"run_delays.py: expected names of {', '.join(files)}, got {', '.join(unknown)}")
    return [files[name] for name in names] if names else list(files.values())


def main(build, names):
    files = chosen(names)
    failed = []
    for number, path in enumerate(files, 1):
        print(f"-- {path.stem} ({number} of {len(files)}, {len(CORES)} processors)", flush=True)
        if subprocess.run([sys.executable, str(path)], env=environment(build)).returncode != 0:
            failed.append(path.stem)
    print(f"{len(files) - len(failed)} passed, {len(failed)} failed" + (f": {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(REPOSITORY / sys.argv[1], sys.argv[2:]))
