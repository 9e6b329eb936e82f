#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What a user waits for the compiler: a handler of <hawser/http/server.hpp> beside the Asio headers that it stands on.

    compile_time.py [COMPILER]     exit 0 if it takes at most 1.5 times as long, 1 if not

Both with the same flags, without a compiler cache or precompiled headers, by turns; medians of the processor's time.
"""
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from programs import REPOSITORY, Failure

AT_MOST = 1.5
ROUNDS = 5
FLAGS = ("-std=c++20", "-O2", "-DNDEBUG", "-c", "-o", os.devnull, f"-I{REPOSITORY}/lib/include")
ASIO = """#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
"""
HANDLER = """#include <hawser/http/server.hpp>

hawser::awaitable<void> hello(hawser::http::request&, hawser::http::response& response)
{
    response.set("Content-Type", "text/plain");
    co_await response.send("Hello, World!");
}
"""


def seconds_to_compile(compiler, source):
    before = os.times()
    done = subprocess.run([compiler, *FLAGS, source], capture_output=True, text=True,
                          env={**os.environ, "CCACHE_DISABLE": "1"})
    if done.returncode != 0:
        raise Failure(f"{source.name}: {done.stderr.strip()}")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measure(compiler):
    """The medians: Asio's, ours."""
    with tempfile.TemporaryDirectory() as folder:
        sources = [Path(folder, name) for name in ("asio.cpp", "handler.cpp")]
        for source, text in zip(sources, (ASIO, HANDLER)):
            source.write_text(text)
        times = [[seconds_to_compile(compiler, source) for source in sources] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*times)]


def main(compiler):
    asio, handler = measure(compiler)
    ratio = handler / asio
    print(f"Asio's awaitable and tcp: {asio:.2f} s; a handler of <hawser/http/server.hpp>: {handler:.2f} s; "
          f"ratio {ratio:.2f} (at most {AT_MOST})")
    return 0 if ratio <= AT_MOST else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("CXX", "g++")))
    except Failure as failure:
        sys.exit(f"compile_time.py: {failure}")
