# SPDX-License-Identifier: BSL-1.0
"""What ./dev soak runs: a server through a great many connections, resumed TLS sessions, and drains under load.

    soak.py [BUILD] [--connections N] [--resumptions N] [--mixed SECONDS] [--drains N] [--json]

Prints how it goes; exits 1 if memory grew by more than 256 KiB in the second half (1 MiB in all that follow the first
tenth of the resumptions), a descriptor stayed, a message was lost, or a client was answered wrongly or not ended in its
time. 0 leaves a part out. The defaults take half an hour.
"""
import argparse
import asyncio
import collections
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import time
from functools import partial

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("HAWSER_APPS", str(ROOT / "build" / "release" / "apps"))
sys.path.append(str(ROOT / "test" / "support"))

import drain  # noqa: E402
import mixed_clients  # noqa: E402
import programs  # noqa: E402
import tls  # noqa: E402
from certificates import Certificates  # noqa: E402
from crowd import churn  # noqa: E402
from kernel import descriptors, eventually, resident  # noqa: E402
from process import Server, exchange  # noqa: E402

ROUNDS = 20
MOST_GROWTH = 256 * 1024
MOST_GROWTH_OF_RESUMPTIONS = 1024 * 1024


def come_and_go(count):
    """Connects, echoes one frame and closes so many times, and measures the server after each twentieth."""
    with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
        idle = len(descriptors(server.pid))
        with server.connect() as peer:
            address = peer.getpeername()
            exchange(peer)
        memory = []
        began = time.monotonic()
        for done in range(1, ROUNDS + 1):
            churn(address, count // ROUNDS)
            if not eventually(lambda: len(descriptors(server.pid)) == idle):
                raise AssertionError(f"{len(descriptors(server.pid)) - idle} descriptors stayed open")
            memory.append(resident(server.pid))
            print(f"{done * (count // ROUNDS):,} of {count:,} connections, {memory[-1] // 1024:,} KiB resident",
                  file=sys.stderr, flush=True)
        seconds = time.monotonic() - began
        growth = memory[-1] - memory[ROUNDS // 2 - 1]
        return {"connections": count, "per_second": round(count / seconds), "second_half_growth_bytes": growth,
                "clean": growth <= MOST_GROWTH and server.stop() == 0}


def resume_with_openssl(server, seconds):
    """Sessions of TLS 1.2, one after the other for so long: how many were resumed."""
    done = subprocess.run(["openssl", "s_time", "-connect", server.endpoint.partition("://")[2], "-reuse", "-tls1_2",
                           "-time", str(seconds)], capture_output=True, text=True, check=True)
    if "*" in done.stdout.partition("starting")[2]:
        raise AssertionError("a session was not resumed")
    return int(re.search(r"(\d+) connections in \d+ real seconds", done.stdout)[1])


def resume_with_tickets(server, ca, count):
    """Sessions of TLS 1.3, each resumed with the ticket of the one before it."""
    context = tls.client_context(ca, version=ssl.TLSVersion.TLSv1_3)
    session = None
    for _ in range(count):
        with tls.connect(server.endpoint, context, session=session) as peer:
            exchange(peer)
            if session and not peer.session_reused:
                raise AssertionError("a session was not resumed")
            session = peer.session
    return count


def resumptions(count):
    """Resumes so many sessions, nine of ten of TLS 1.2 and the rest of TLS 1.3, and measures the server."""
    with tempfile.TemporaryDirectory() as folder:
        made = Certificates(folder)
        pair = made.server()
        with Server("echo_server", "--mode", "frames", "--quiet", "--cert", pair.certificate, "--key", pair.key,
                    "tls://127.0.0.1:0") as server:
            idle = len(descriptors(server.pid))
            done, warm = 0, None
            began = time.monotonic()
            while done < count:
                before = done
                done += resume_with_openssl(server, min(20, max(1, count // 20_000)))
                done += resume_with_tickets(server, made.ca, (done - before) // 9)
                if warm is None and done >= count // 10:
                    warm = resident(server.pid)
                print(f"{done:,} of {count:,} sessions resumed, {resident(server.pid) // 1024:,} KiB resident",
                      file=sys.stderr, flush=True)
            if not eventually(lambda: len(descriptors(server.pid)) == idle):
                raise AssertionError(f"{len(descriptors(server.pid)) - idle} descriptors stayed open")
            growth = resident(server.pid) - warm
            return {"resumptions": done, "per_second": round(done / (time.monotonic() - began)),
                    "growth_after_the_first_tenth_bytes": growth,
                    "clean": growth <= MOST_GROWTH_OF_RESUMPTIONS and server.stop() == 0}


def mixed(seconds):
    """Well- and ill-behaved clients side by side, in three rounds with a pause after each, and measures the server."""
    with Server("echo_server", "--mode", "frames", "--quiet", "--idle", f"{mixed_clients.IDLE:.0f}s",
                "tcp://127.0.0.1:0") as server:
        idle = len(descriptors(server.pid))
        with server.connect() as peer:
            address = peer.getpeername()
            exchange(peer)
        counts, memory = collections.Counter(), []
        for third in (1, 2, 3):
            def progress(done, third=third):
                print(f"mixed clients, third {third} of 3: {sum(done.values()):,} came and went, "
                      f"{resident(server.pid) // 1024:,} KiB resident", file=sys.stderr, flush=True)

            counts.update(asyncio.run(mixed_clients.crowd(address, seconds / 3, progress)))
            if not eventually(lambda: len(descriptors(server.pid)) == idle):
                raise AssertionError(f"{len(descriptors(server.pid)) - idle} descriptors stayed open")
            memory.append(resident(server.pid))
        growth = memory[2] - memory[1]
        return {"clients": dict(counts), "last_third_growth_bytes": growth,
                "clean": growth <= MOST_GROWTH and server.stop() == 0}


def drains_under_load(build, count):
    """SIGTERM under load, so many times, each with its account of what was lost."""
    lost = 0
    clean = True
    for done in range(1, count + 1):
        command = [str(build / "apps" / "echo_server"), "--quiet", "--mode", "frames", "tcp://127.0.0.1:0"]
        with programs.Server(command) as server:
            end = drain.drain_under_load(build, server, "frames", load_for="200ms")
        clean = clean and end.clean
        lost += end.lost
        print(f"drain {done} of {count}: {end.outstanding:,} in flight at the signal, {end.answered_after:,} answered "
              f"after it, {end.lost} lost", file=sys.stderr, flush=True)
    return {"drains": count, "lost": lost, "clean": clean}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", nargs="?", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--connections", type=int, default=1_000_000)
    parser.add_argument("--resumptions", type=int, default=1_000_000)
    parser.add_argument("--mixed", type=float, default=600, metavar="SECONDS")
    parser.add_argument("--drains", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    parts = (("come_and_go", come_and_go, options.connections), ("resumptions", resumptions, options.resumptions),
             ("mixed", mixed, options.mixed), ("drain", partial(drains_under_load, options.build), options.drains))
    results = {name: part(amount) for name, part, amount in parts if amount}
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        for name, result in results.items():
            print(name + ": " + ", ".join(f"{key} {value}" for key, value in result.items()))
    return 0 if all(result["clean"] for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
