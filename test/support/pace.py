# SPDX-License-Identifier: BSL-1.0
"""What a test has to do in time itself. On a machine that is slow or busy it may be late, and tries again.

    def attempt():
        with Server(...) as server, server.connect() as peer, Pace(0.2) as pace:
            for piece in pieces:
                peer.sendall(piece)
                pace.step()

    unless_late(attempt)
"""
import re
import time

from process import PATIENCE


class Late(Exception):
    """This process was late: what it has seen says nothing of the program under test."""


class Pace:
    """Of a peer none of whose steps may take so many seconds. What fails in the `with` block after one has is Late."""

    def __init__(self, seconds):
        self._seconds = seconds
        self._last = time.monotonic()
        self._late = False

    def step(self):
        """One step has ended, and the next begins."""
        now = time.monotonic()
        self._late = self._late or now - self._last >= self._seconds
        self._last = now

    def __enter__(self):
        self._last = time.monotonic()
        return self

    def __exit__(self, _, error, __):
        self.step()
        if self._late and isinstance(error, Exception):
            raise Late from error


def unless_late(attempt):
    """What the attempt returns; it is made again as long as this process is late, but not for ever."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return attempt()
        except Late:
            if time.monotonic() >= until:
                raise


def what_was_cut(server, kept=0):
    """What the report of a drain says of each session that was cut, at the end of its server; of so many it says that
    their handlers never suspend. Where there is one, the process does not wait long for its log to be written: a report
    that is not whole had no processor."""
    report = [re.fullmatch(r"drained .*, cut (\d+)", line) for line in server.err.all()]
    number = next((int(match[1]) for match in report if match), None)
    lines = [line for line in server.err.seen if line.startswith("cut ")]
    if kept and len(lines) != number:
        raise Late(server.err.seen)
    assert len(lines) == number, server.err.seen
    assert sum("its handler never suspends" in line for line in lines) == kept, server.err.seen
    return lines
