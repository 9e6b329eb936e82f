# SPDX-License-Identifier: BSL-1.0
"""A drain under load: SIGTERM while a thousand messages are in flight, and an account of every one of them.

A message is lost when no whole answer came though its last byte was sent before the signal, or so long as the grace before
the server's end of stream arrived. Those sent later may be answered or not, but never in part, and no client may see a
reset.
"""
import re
from dataclasses import dataclass

from programs import CORES, Failure, pin, run_load

CONNECTIONS = 64
PIPELINE = 16
OUTSTANDING = 1_000
CAUGHT = re.compile(r"caught SIGTERM, draining \d+ connections")


@dataclass(frozen=True)
class Drain:
    outstanding: int     # messages sent whose answer had not arrived when the signal was sent
    answered_after: int  # messages answered after that
    lost: int
    torn: int
    resets: int
    ended: int           # connections the server ended
    seconds: float       # from the signal to the last of these
    exit_status: int
    report: list         # what the server said, from `caught SIGTERM` on

    @property
    def clean(self):
        """Nothing was lost, torn, reset or cut. A drain without an answer after the signal shows nothing."""
        return (self.lost == self.torn == self.resets == self.exit_status == 0
                and self.ended == CONNECTIONS and self.answered_after > 0)


NO_TIME_JUDGED = "10m"


def drain_under_load(build, server, mode, load_for="1s", grace="50ms"):
    """Loads a running server, ends it, and returns the account. Both are moved to one core, and the server stands still
    while the load fills every window: it hears of the signal and of a thousand messages at once. With NO_TIME_JUDGED as
    the grace only what was sent before the signal can be lost."""
    core = {CORES[-1]}
    pin(server.pid, core)
    run = run_load(build, server.endpoint, "--mode", mode, "--connections", CONNECTIONS, "--pipeline", PIPELINE,
                   "--term-pid", server.pid, "--term-after", load_for, "--term-outstanding", OUTSTANDING,
                   "--patience", "60s", "--grace", grace, cores=core, tolerate=True)
    if "outstanding_at_signal" not in run:
        raise Failure(f"{server.name} closed every connection before the signal")
    status = server.wait(timeout=60)
    return Drain(outstanding=run["outstanding_at_signal"], answered_after=run["answered_after_signal"],
                 lost=run["lost"], torn=run["torn"], resets=run["resets"], ended=run["ended"],
                 seconds=run["seconds_to_last_end"], exit_status=status, report=report_lines(server))


def report_lines(server):
    lines = server.said().splitlines()
    for number, line in enumerate(lines):
        if CAUGHT.search(line):
            if number + 1 == len(lines):
                raise Failure(f"{server.name}: no drain report after `{line}`")
            return lines[number:]
    raise Failure(f"{server.name}: expected `caught SIGTERM, draining N connections`; it says: {server.said()!r}")
