"""What a user's file pays for <hawser/http/server.hpp>: at most half as much again as Asio's coroutines and TCP alone."""
import os
import resource
import statistics
import subprocess
import tempfile
import unittest
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[2] / "lib" / "include"
CXX = os.environ["HAWSER_CXX"]
ROUNDS = 5
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


def seconds(folder, text):
    """Processor time of the compiler, which the machine's other work does not stretch as it does the clock."""
    source = Path(folder) / "unit.cpp"
    source.write_text(text)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([CXX, "-std=c++20", "-O2", f"-I{INCLUDE}", "-c", str(source), "-o", os.devnull], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class CompileTime(unittest.TestCase):
    def test_a_handler_compiles_in_at_most_one_and_a_half_times_asio_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            seconds(folder, ASIO)
            seconds(folder, HANDLER)
            rounds = [(seconds(folder, HANDLER), seconds(folder, ASIO)) for _ in range(ROUNDS)]
        ours, asio = (statistics.median(column) for column in zip(*rounds))
        print(f"handler {ours:.2f} s, Asio alone {asio:.2f} s: {ours / asio:.2f}")
        self.assertLessEqual(ours, 1.5 * asio)


if __name__ == "__main__":
    unittest.main(verbosity=2)
