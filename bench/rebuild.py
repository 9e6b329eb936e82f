# SPDX-License-Identifier: BSL-1.0
"""How long a change waits: the time to build everything again after one source file of the library was touched."""
import os
import subprocess
import time

from programs import REPOSITORY, Failure


def largest_source():
    return max((REPOSITORY / "lib" / "src").rglob("*.cpp"), key=lambda path: path.stat().st_size)


def seconds_to_rebuild(build):
    """Touches the largest source of the library and builds; returns the seconds and the file's name. The compiler
    cache is left out: it would find the unchanged file."""
    source = largest_source()
    source.touch()
    start = time.monotonic()
    done = subprocess.run(["cmake", "--build", str(build)], env={**os.environ, "CCACHE_DISABLE": "1"},
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise Failure(f"the rebuild failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - start, source.relative_to(REPOSITORY)
