#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows that the floors are floors: at most 2.1 system calls a message at P=1, and 90% of the CPU time is the kernel's.

    prove_floor.py [BUILD]      counts the calls of floor and http_floor; exit 0 if that holds, 1 if not; needs strace

The share of the time is measured before each table of costs: it is what this machine makes of it just then.
"""
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass

from programs import CORES, DEFAULT_BUILD, Failure, Server, require, run_load

MOST_CALLS = 2.1
LEAST_SYSTEM_SHARE = 0.90
SHAPE = ["--connections", 64, "--pipeline", 1]
MESSAGES = {"floor": ["--size", 64], "http_floor": ["--mode", "http"]}


@dataclass(frozen=True)
class Proof:
    floor: str
    calls_per_message: float
    system_share: float | None = None  # none: not measured

    def text(self):
        text = f"{self.floor}: {self.calls_per_message:.3f} system calls a message (at most {MOST_CALLS})"
        if self.system_share is not None:
            text += f", {self.system_share:.1%} of its CPU time is the kernel's (at least {LEAST_SYSTEM_SHARE:.0%})"
        return text


def prove(build, name="floor"):
    """The calls and the share. Raises Failure when the floor is none."""
    calls = prove_calls(build, name).calls_per_message
    proof = Proof(name, calls, system_share(build, name))
    if proof.system_share < LEAST_SYSTEM_SHARE:
        raise Failure(proof.text())
    return proof


def prove_calls(build, name):
    """The calls alone, which are the same on a machine that is busy."""
    require([f"{build}/bench/{name}", f"{build}/apps/load"])
    if not shutil.which("strace"):
        raise Failure("strace is missing: apt-get install strace")
    proof = Proof(name, calls_per_message(build, name))
    if proof.calls_per_message > MOST_CALLS:
        raise Failure(proof.text())
    return proof


def calls_per_message(build, name):
    """Every call from the start of the process to its end, over 50,000 messages."""
    with tempfile.NamedTemporaryFile("r") as summary:
        # -D makes strace the grandchild, so that the process started here is the floor itself.
        with Server(["strace", "-D", "-c", "-o", summary.name, f"{build}/bench/{name}", "0"]) as floor:
            run = run_load(build, floor.endpoint, *SHAPE, *MESSAGES[name], "--messages", 50_000)
            os.kill(floor.pid, signal.SIGTERM)
            floor.wait(timeout=60)
        return total_calls(summary) / run["messages_in_all"]


def total_calls(summary):
    """The count in the last line, which strace may write a moment after the floor has ended."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        summary.seek(0)
        for line in summary:
            fields = line.split()
            if fields and fields[-1] == "total":
                return int(fields[3])
        time.sleep(0.02)
    raise Failure("strace printed no total")


def system_share(build, name):
    """stime / (utime + stime) of /proc/PID/stat over 5 s of load."""
    core = {CORES[-1]}
    with Server([f"{build}/bench/{name}", "0"], core) as floor:
        run_load(build, floor.endpoint, *SHAPE, *MESSAGES[name], "--duration", "5s", cores=core)
        with open(f"/proc/{floor.pid}/stat") as stat:
            user, system = (int(field) for field in stat.read().rpartition(")")[2].split()[11:13])
    return system / (user + system)


if __name__ == "__main__":
    try:
        for name in MESSAGES:
            print(prove_calls(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD, name).text())
    except Failure as failure:
        sys.exit(f"prove_floor.py: {failure}")
