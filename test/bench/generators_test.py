# SPDX-License-Identifier: BSL-1.0
"""What ab, wrk and h2load print is read line by line: what is counted wrong shows, and a line that is missing fails."""
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from generators import parse_ab, parse_h2load, parse_wrk  # noqa: E402
from programs import Failure  # noqa: E402

AB = """
Server Hostname:        localhost
Server Port:            8001

Document Path:          /
Document Length:        13 bytes

Concurrency Level:      50
Time taken for tests:   0.250 seconds
Complete requests:      1000
Failed requests:        0
Total transferred:      120000 bytes
HTML transferred:       13000 bytes
Requests per second:    4000.50 [#/sec] (mean)
Time per request:       12.500 [ms] (mean)

Percentage of the requests served within a certain time (ms)
  50%      3
  90%      4
  99%     17
 100%     20 (longest request)
"""
AB_NEEDS = ("Document Length", "Complete requests", "Failed requests", "HTML transferred", "Requests per second",
            "  50%", "  99%")

WRK = """Running 2s test @ http://localhost:8001/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   720.72us  689.65us   6.09ms   94.46%
    Req/Sec    70.34k     5.01k   76.96k    80.00%
  Latency Distribution
     50%  580.00us
     75%    1.00ms
     90%    2.00ms
     99%    1.20s
  140000 requests in 2.00s, 8.73MB read
Requests/sec:  69709.89
Transfer/sec:      8.71MB
"""
WRK_NEEDS = ("     50%", "     99%", "  140000 requests", "Requests/sec")

H2LOAD = """starting benchmark...
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Server Temp Key: X25519 253 bits
Application protocol: http/1.1
progress: 100% done

finished in 1.53s, 65063.08 req/s, 8.13MB/s
requests: 500 total, 500 started, 500 done, 500 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 500 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.25MB (1310000) total
"""
H2LOAD_NEEDS = ("Application protocol", "finished in", "requests:", "status codes:")


def without(text, start):
    lines = [line for line in text.splitlines() if not line.startswith(start)]
    assert len(lines) < len(text.splitlines()), start
    return "\n".join(lines)


class Generators(unittest.TestCase):
    def each_line_is_needed(self, parse, text, needed):
        parse(text)
        for start in needed:
            with self.subTest(start=start):
                self.assertRaises(Failure, parse, without(text, start))
        self.assertRaises(Failure, parse, "")

    def test_a_line_that_is_missing_is_a_failure(self):
        self.each_line_is_needed(lambda text: parse_ab(text, 1000), AB, AB_NEEDS)
        self.each_line_is_needed(parse_wrk, WRK, WRK_NEEDS)
        self.each_line_is_needed(lambda text: parse_h2load(text, 500), H2LOAD, H2LOAD_NEEDS)

    def test_a_number_that_cannot_be_read_is_a_failure(self):
        self.assertRaises(Failure, parse_ab, AB.replace("requests:        0", "requests:        none"), 1000)
        self.assertRaises(Failure, parse_wrk, WRK.replace("580.00us", "580.00"))

    def test_figures_of_ab(self):
        found = parse_ab(AB, 1000)
        self.assertEqual((found.requests, found.per_second, found.p50, found.p99), (1000, 4000.5, 3000, 17000))
        self.assertEqual((found.failures, found.detail), (0, ""))

    def test_figures_of_wrk(self):
        found = parse_wrk(WRK)
        self.assertEqual((found.requests, found.per_second, found.p50, found.p99), (140000, 69709.89, 580, 1.2e6))
        self.assertEqual((found.failures, found.detail), (0, ""))

    def test_figures_of_h2load(self):
        found, agreed = parse_h2load(H2LOAD, 500)
        self.assertEqual((found.requests, found.per_second, found.failures), (500, 65063.08, 0))
        self.assertEqual(agreed, ("TLSv1.3", "TLS_AES_128_GCM_SHA256"))
        self.assertIsNone(parse_h2load(without(without(H2LOAD, "TLS"), "Cipher"), 500)[1])

    def test_every_kind_of_failure_of_ab_is_counted(self):
        for old, new, count, name in (
            ("Failed requests:        0", "Failed requests:        7", 7, "Failed requests: 7"),
            ("Total transferred", "Write errors:           3\nTotal transferred", 3, "Write errors: 3"),
            ("Total transferred", "Non-2xx responses:      1000\nTotal transferred", 1000, "Non-2xx responses: 1000"),
            ("Complete requests:      1000", "Complete requests:      998", 2, "missing: 2"),
            ("HTML transferred:       13000", "HTML transferred:       12990", 10, "too few: 10"),
            ("Document Length:        13", "Document Length:        0", 13, "too few: 13"),
        ):
            with self.subTest(new=new):
                self.assertIn(old, AB)
                found = parse_ab(AB.replace(old, new), 1000)
                self.assertEqual(found.failures, count)
                self.assertIn(name, found.detail)

    def test_every_kind_of_failure_of_wrk_is_counted(self):
        for new, count, name in (
            ("  Socket errors: connect 1, read 20, write 300, timeout 4000\n", 4321, "Socket errors: 4321"),
            ("  Non-2xx or 3xx responses: 12\n", 12, "Non-2xx or 3xx responses: 12"),
            ("  Socket errors: connect 0, read 1, write 0, timeout 0\n  Non-2xx or 3xx responses: 2\n", 3, "Socket"),
        ):
            with self.subTest(new=new):
                found = parse_wrk(WRK.replace("Requests/sec", new + "Requests/sec"))
                self.assertEqual(found.failures, count)
                self.assertIn(name, found.detail)

    def test_every_kind_of_failure_of_h2load_is_counted(self):
        for old, new, count in (
            ("0 failed", "4 failed", 4), ("0 errored", "5 errored", 5), ("0 timeout", "6 timeout", 6),
            ("500 succeeded", "499 succeeded", 1), ("500 2xx, 0 3xx", "497 2xx, 3 3xx", 3),
        ):
            with self.subTest(new=new):
                self.assertIn(old, H2LOAD)
                self.assertEqual(parse_h2load(H2LOAD.replace(old, new), 500)[0].failures, count)


if __name__ == "__main__":
    unittest.main(verbosity=2)
