# SPDX-License-Identifier: BSL-1.0
"""ab, wrk and h2load: their command lines, and what they print as figures.

They end with 0 whatever the server did: failures are only in what they print. A line that is always there, and is not,
is a Failure; one that is only there when something went wrong counts as 0 when it is not.
"""
import os
import re
import subprocess
from dataclasses import dataclass

from programs import Failure

TIMES = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}
BODY = b"Hello, World!"


@dataclass(frozen=True)
class Result:
    requests: int
    per_second: float
    p50: float     # microseconds; of ab to the millisecond
    p99: float
    failures: int  # of every kind that the tool counts
    detail: str    # the kinds that are above 0


def line(tool, pattern, text):
    """The groups of the one line that matches."""
    found = re.search(rf"^\s*{pattern}\s*$", text, re.MULTILINE)
    if not found:
        raise Failure(f"{tool} printed no line like `{pattern}`: {text.strip()!r}")
    return found.groups()


def rare(pattern, text):
    """The numbers of a line that is only there when there is something to count; none are zeros."""
    found = re.search(rf"^\s*{pattern}", text, re.MULTILINE)
    return [int(number) for number in found.groups()] if found else [0]


def parse_ab(text, requests, body_size=len(BODY)):
    """The report of `ab -n REQUESTS` about a server whose bodies have so many bytes."""
    def number(pattern):
        return int(line("ab", pattern, text)[0])

    def percentile(share):
        return number(rf"{share}%\s+(\d+)") * TIMES["ms"]

    complete = number(r"Complete requests:\s+(\d+)")
    failures = {
        "Failed requests": number(r"Failed requests:\s+(\d+)"),
        "Write errors": rare(r"Write errors:\s+(\d+)", text)[0],
        "Non-2xx responses": rare(r"Non-2xx responses:\s+(\d+)", text)[0],
        "requests that are missing": requests - complete,
        "bytes that the bodies have too many or too few": abs(
            number(r"HTML transferred:\s+(\d+) bytes") - requests * body_size),
        "bytes of the first body too many or too few": abs(number(r"Document Length:\s+(\d+) bytes") - body_size),
    }
    per_second = float(line("ab", r"Requests per second:\s+([\d.]+) \[#/sec\] \(mean\)", text)[0])
    return result(complete, per_second, percentile(50), percentile(99), failures)


def parse_wrk(text):
    """The report of `wrk --latency`."""
    def percentile(share):
        value, unit = line("wrk", rf"{share}%\s+([\d.]+)(us|ms|s|m)", text)
        return float(value) * TIMES[unit]

    done = int(line("wrk", r"(\d+) requests in [\d.]+\w+, [\d.]+\w+ read", text)[0])
    per_second = float(line("wrk", r"Requests/sec:\s+([\d.]+)", text)[0])
    failures = {
        "Socket errors": sum(rare(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)),
        "Non-2xx or 3xx responses": rare(r"Non-2xx or 3xx responses: (\d+)", text)[0],
    }
    return result(done, per_second, percentile(50), percentile(99), failures)


def parse_h2load(text, requests):
    """The report of `h2load -n REQUESTS`: the failures, and what was agreed on as (protocol, cipher); none in plain."""
    counts = line("h2load", r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, "
                            r"(\d+) errored, (\d+) timeout", text)
    total, _, _, succeeded, *wrong = map(int, counts)
    good = int(line("h2load", r"status codes: (\d+) 2xx, \d+ 3xx, \d+ 4xx, \d+ 5xx", text)[0])
    failures = {"failed, errored, timeout": sum(wrong), "missing": requests - min(total, succeeded, good)}
    line("h2load", r"Application protocol: (http/1.1)", text)
    per_second = float(line("h2load", r"finished in [\d.]+\w+, ([\d.]+) req/s, .*", text)[0])
    agreed = re.search(r"^TLS Protocol: (\S+)\s+Cipher: (\S+)$", text, re.MULTILINE)
    return result(succeeded, per_second, 0.0, 0.0, failures), agreed.groups() if agreed else None


def result(requests, per_second, p50, p99, failures):
    return Result(requests, per_second, p50, p99, sum(failures.values()),
                  ", ".join(f"{name}: {count}" for name, count in failures.items() if count))


def run(command, cores=None, timeout=180):
    """Runs a tool to its end and returns what it printed."""
    place = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout,
                              preexec_fn=place)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is missing") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(map(str, command))}: no end after {timeout} s") from None
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stdout}{done.stderr}".strip())
    return done.stdout


def ab(url, requests, connections=50, keep_alive=False, cores=None):
    options = ["-q", *(["-k"] if keep_alive else [])]
    return parse_ab(run(["ab", *options, "-c", connections, "-n", requests, url], cores), requests)


def wrk(url, seconds, connections=64, cores=None):
    return parse_wrk(run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url], cores))


def h2load(url, requests, connections=64, cipher="TLS_AES_128_GCM_SHA256", cores=None):
    return parse_h2load(run(["h2load", "--h1", f"--tls13-ciphers={cipher}", "-t", 1, "-c", connections,
                             "-n", requests, url], cores), requests)
