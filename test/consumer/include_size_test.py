# SPDX-License-Identifier: BSL-1.0
"""What a user's file brings in by <hawser/http/server.hpp>: less than Asio's coroutines and TCP alone.

The bytes after preprocessing, which are the same at each run; bench/compile_time.py measures how long they take.
"""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[2] / "lib" / "include"
CXX = os.environ["HAWSER_CXX"]
AT_MOST = 0.75  # of Asio's
ASIO = "#include <boost/asio/awaitable.hpp>\n#include <boost/asio/ip/tcp.hpp>\n"
HANDLER = """#include <hawser/http/server.hpp>

hawser::awaitable<void> hello(hawser::http::request& request, hawser::http::response& response)
{
    if (request.path() != "/")
        throw hawser::http::status_error{hawser::http::status::not_found, "there is nothing but /"};
    response.set("Content-Type", "text/plain");
    co_await response.send("Hello, World!");
}
"""


def compiler(folder, text, *options):
    """What the compiler prints, which has to succeed."""
    source = Path(folder) / "unit.cpp"
    source.write_text(text)
    return subprocess.run([CXX, "-std=c++20", f"-I{INCLUDE}", *options, source], check=True, capture_output=True).stdout


class IncludeSize(unittest.TestCase):
    def test_a_handler_brings_in_less_than_asio_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            compiler(folder, HANDLER, "-fsyntax-only")
            ours, asio = (len(compiler(folder, text, "-E", "-P")) for text in (HANDLER, ASIO))
        print(f"handler {ours:,} bytes, Asio alone {asio:,}: {ours / asio:.3f}")
        self.assertLessEqual(ours, AT_MOST * asio)


if __name__ == "__main__":
    unittest.main(verbosity=2)
