# SPDX-License-Identifier: BSL-1.0
"""Programs of others that judge ours: run to their end, and what they printed looked through for lines.

They exit with 0 for much that is a failure, so a test goes by the lines; one that is missing is a failure too, and so
is a judge that is not installed.
"""
import csv
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


def judge(*command, seconds=120, input="", statuses=(0,)):
    """What a judge prints on standard output and standard error, once it has ended with one of these statuses."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, input=input, timeout=seconds, errors="replace")
    except FileNotFoundError:
        raise AssertionError(f"{words[0]} is not installed") from None
    if done.returncode not in statuses:
        raise AssertionError(f"{' '.join(words)}: exit {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def line(pattern, text):
    """The groups of the one line that matches; if it has one group, that."""
    found = re.findall(rf"^{pattern}\s*$", text, re.MULTILINE)
    if len(found) != 1:
        raise AssertionError(f"expected one line like {pattern!r}, got {len(found)} in: {text[-4000:]}")
    return found[0]


@dataclass(frozen=True)
class Second:
    """What slowhttptest knew in one second of its attack."""
    closed: int
    pending: int
    connected: int
    available: bool


def attacked(server, path, *options, connections, probe):
    """Lets slowhttptest attack an HTTP server until it has no connection left: the seconds of that. `probe` are those
    within which another client has to be answered."""
    seconds = 240  # and not for ever
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report")
        got = judge("slowhttptest", "-c", connections, "-r", connections, "-p", probe, "-l", seconds, "-g", "-o",
                    report, "-u", server.endpoint.replace("tcp:", "http:") + path, *options, seconds=seconds + 60)
        with open(f"{report}.csv", newline="") as file:
            rows = list(csv.DictReader(file))
    line(r".*Exit status:\S*\s+No open connections left\S*", got)
    # `Service Available` is as large as the number of connections, or 0.
    return [Second(int(r["Closed"]), int(r["Pending"]), int(r["Connected"]), int(r["Service Available"]) > 0)
            for r in rows]
