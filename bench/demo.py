#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What `./dev demo` shows after the build: servers, their clients, a drain under load, what a message costs, and the
HTTP servers under ab and wrk (demo_http.py).

    demo.py [BUILD]      exit 0; 1 if anything was lost or failed, or if a line that is looked for is missing
"""
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from contenders import FLOOR, choose
from demo_http import show_http
from drain import drain_under_load
from programs import DEFAULT_BUILD, Failure, Server, require
from rebuild import seconds_to_rebuild
from same_core import cpu_per_message, ratios, two_core_throughput

PIPELINES = [1, 16]
THROUGHPUT_PIPELINE = 16


@dataclass(frozen=True)
class Pair:
    """A server with its client: what to start, and what the client has to print."""
    title: str
    contender: str  # its line in contenders.py, which has one thread
    mode: str       # what the load sends while it drains
    server: tuple
    client: tuple   # {endpoint}, {host} and {port} are the server's
    expected: tuple


ANY_PORT = "tcp://127.0.0.1:0"
HELLO = ('received "Hello, world"',)
FIVE = tuple(f"{what} connection {n}" for n in range(1, 6) for what in ("starting", "closing"))

PAIRS = [
    Pair("echo_server", "bytes", "bytes",
         ("echo_server", "--quiet", ANY_PORT), ("echo_client", "{endpoint}"), HELLO),
    Pair("echo_server --mode frames", "frames", "frames",
         ("echo_server", "--mode", "frames", "--quiet", ANY_PORT),
         ("echo_client", "--mode", "frames", "{endpoint}"), HELLO),
    Pair("multi_server", "multi", "bytes",
         ("multi_server", "--quiet", "127.0.0.1", "0"), ("multi_client", "{host}", "{port}", "5"), FIVE),
]


def say(text=""):
    print(text, flush=True)


def command_line(build, words, endpoint=""):
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    words = [w.format(endpoint=endpoint, host=host, port=port) for w in words]
    return [f"{build}/apps/{words[0]}", *words[1:]]


def show_client(build, pair, endpoint):
    """Runs the client to its end and looks for its lines."""
    command = command_line(build, pair.client, endpoint)
    say(f"\n$ {' '.join(command)}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    say("  " + (done.stdout + done.stderr).rstrip().replace("\n", "\n  "))
    missing = [line for line in pair.expected if line not in done.stdout]
    if done.returncode != 0 or missing:
        raise Failure(f"{command[0]}: exit {done.returncode}, not printed: {missing}")


def show_pair(build, pair):
    """Starts the server, runs its client, and drains it under load. Returns the drain."""
    command = command_line(build, pair.server)
    say(f"\n== {pair.title}\n\n$ {' '.join(command)}")
    with Server(command) as server:
        say(f"  listening on {server.endpoint}")
        show_client(build, pair, server.endpoint)
        say("\n64 clients with 16 messages each in flight, then SIGTERM:")
        drain = drain_under_load(build, server, pair.mode)
    say("  " + "\n  ".join(drain.report))
    say(f"  exit {drain.exit_status}, {drain.seconds:.2f} s after the signal")
    return drain


def table(figures, throughput, drains):
    """All of it, a server a line."""
    heads = [f"P={p}" for p in PIPELINES]
    say(f"\n{'':28}{'messages/s':>12}{'CPU/floor':>11}{'CPU/floor':>11}{'in flight':>11}{'answered':>10}{'lost':>6}")
    say(f"{'':28}{f'P={THROUGHPUT_PIPELINE}':>12}{heads[0]:>11}{heads[1]:>11}{'at SIGTERM':>11}{'after it':>10}")
    rows = [("floor (bare epoll in C)", FLOOR, None)] + [(p.title, p.contender, drains[p.title]) for p in PAIRS]
    for title, name, drain in rows:
        line = f"{title:28}{throughput[name]['messages_per_second']:12,.0f}"
        line += "".join(f"{figures[p][name]['ratio']:11.2f}" for p in PIPELINES)
        if drain:
            line += f"{drain.outstanding:11,}{drain.answered_after:10,}{drain.lost:6}"
        say(line)
    floor = ", ".join(f"{figures[p][FLOOR]['us']:.3f} us at P={p}" for p in PIPELINES)
    say(f"\nP is how many messages each of 64 clients has in flight. The floor's CPU time per message: {floor}.")
    say("CPU: one thread, server and load on the same core. Messages/s: a core each, for information.")


def main(build):
    start = time.monotonic()
    contenders = choose([p.contender for p in PAIRS])
    require([c.command_line(build)[0] for c in contenders] + [f"{build}/apps/load"] +
            [f"{build}/apps/{p.client[0]}" for p in PAIRS])

    drains = {pair.title: show_pair(build, pair) for pair in PAIRS}

    say("\n== what a message costs\n")
    raw = cpu_per_message(build, contenders, PIPELINES, rounds=3, cpu_seconds=0.3, progress=say)
    figures = {p: ratios(f, FLOOR) for p, f in raw.items()}
    say("two cores")
    throughput = {c.name: two_core_throughput(build, c, THROUGHPUT_PIPELINE) for c in contenders}
    table(figures, throughput, drains)

    faults = show_http(build)

    seconds, source = seconds_to_rebuild(build)
    say(f"\nRebuild after touching {source}: {seconds:.1f} s (at most 10)")
    say(f"The demonstration took {time.monotonic() - start:.0f} s.")

    faults += [f"{title}: lost, torn, reset or cut" for title, drain in drains.items() if not drain.clean]
    if faults:
        raise Failure("\n  ".join(["", *faults]))
    say("Lost messages: 0. Failed requests: 0")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_BUILD)
    except (Failure, subprocess.TimeoutExpired) as failure:
        sys.exit(f"demo.py: {failure}")
