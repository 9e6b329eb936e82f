#!/usr/bin/env python3
"""Shows that an admin endpoint costs a message nothing while nobody looks: at most 1% more instructions.

    prove_admin.py [BUILD]      exit 0 if that holds for a frame that is echoed, 1 if not; needs valgrind

The instructions of a frame are the difference between a run of many frames and one of few, by the number of frames: what
starting and ending cost is in both. callgrind counts every thread of the process, the endpoint's own too; what time costs
(timers, waits that end early) comes on top by chance, the more of it the busier the machine is: the least of some pairs
counts, and of some more where these do not show it.
"""
import re
import shutil
import signal
import socket
import sys

from programs import DEFAULT_BUILD, Failure, Server, require

MOST_MORE = 0.01
AT_ONCE = 16  # frames in flight
FEW, MANY = 100, 1_100  # times so many
PAIRS, MOST_PAIRS = 5, 15
FRAMES = AT_ONCE * ((64).to_bytes(4, "big") + bytes(64))


def prove(build):
    """Raises Failure when it does not hold."""
    require([f"{build}/apps/echo_server"])
    if not shutil.which("valgrind"):
        raise Failure("valgrind is missing: apt-get install valgrind")
    pairs = []
    difference = None
    while len(pairs) < PAIRS or difference > MOST_MORE and len(pairs) < MOST_PAIRS:
        pairs.append((instructions_per_frame(build), instructions_per_frame(build, "--admin", "tcp://127.0.0.1:0")))
        without, beside = map(min, zip(*pairs))
        difference = beside / without - 1
    text = (f"{without:.0f} instructions an echoed frame, {beside:.0f} with --admin: {difference:+.2%} "
            f"(at most {MOST_MORE:.0%})")
    if difference > MOST_MORE:
        raise Failure(text)
    return text


def instructions_per_frame(build, *options):
    return (instructions(build, MANY, options) - instructions(build, FEW, options)) / (MANY - FEW) / AT_ONCE


def instructions(build, times, options):
    """Of the whole process, from its start to its end."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"{build}/apps/echo_server", "--mode",
               "frames", "--quiet", "--threads", "1", "tcp://127.0.0.1:0", *options]
    with Server(command) as server:
        host, port = server.endpoint.removeprefix("tcp://").split(":")
        with socket.create_connection((host, int(port)), 30) as peer:
            for _ in range(times):
                echo(peer)
        server.process.send_signal(signal.SIGTERM)
        if server.wait(timeout=30) != 0:
            raise Failure(f"the server failed; it says: {server.said()}")
        counted = re.search(r"Collected : (\d+)", server.said())
        if not counted:
            raise Failure(f"callgrind has counted nothing; it says: {server.said()}")
        return int(counted[1])


def echo(peer):
    peer.sendall(FRAMES)
    missing = len(FRAMES)
    while missing:
        piece = peer.recv(missing)
        if not piece:
            raise Failure("the server has ended the connection")
        missing -= len(piece)


if __name__ == "__main__":
    try:
        print(prove(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD))
    except Failure as failure:
        sys.exit(f"prove_admin.py: {failure}")
