# SPDX-License-Identifier: BSL-1.0
"""Checks the sources: python3 test/lint/lint.py [ROOT]. Prints FILE:LINE: MESSAGE; exits 1 if anything was refused.

Each check is a function of a file's path below the root and its text; it yields lines and messages.
"""
import pathlib
import sys

import coroutines
import house
import layers

CHECKS = (coroutines.check, layers.check, house.check, house.check_abi, house.check_licence)
FOLDERS = ("lib", "apps", "test", "bench", ".ci")
SUFFIXES = {".hpp", ".cpp", ".h", ".c", ".in", ".py", ".txt", ".md", ".json", ".cmake", ".sh", ""}


def sources(root):
    found = [path for path in root.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += [path for path in (root / folder).rglob("*") if path.is_file()]
    return sorted(path for path in found
                  if path.suffix in SUFFIXES and not {"__pycache__", "corpus"} & set(path.parts))


def refused(root):
    for path in sources(root):
        below = path.relative_to(root)
        text = path.read_text()
        for check in CHECKS:
            for line, message in check(below, text):
                yield f"{below}:{line}: {message}"
    for path, message in [*house.check_listed(root), *layers.check_page(root)]:
        yield f"{path}:1: {message}"


def main(root):
    lines = list(refused(root))
    print(*lines, sep="\n", end="\n" if lines else "")
    print(f"lint: {len(lines)} refused in {len(sources(root))} files")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()))
