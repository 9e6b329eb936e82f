#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows that an admin endpoint costs a message nothing while nobody looks: at most 1% more instructions.

    prove_admin.py [BUILD]      exit 0 if that holds for a frame that is echoed, 1 if not; needs valgrind

Two servers, one with an endpoint and one without, are counted by turns. What time costs a loop (deadlines, waits that
end early) comes on top by chance, the more of it the busier the machine is: the least of some turns counts.
"""
import contextlib
import socket
import sys

from callgrind import Counted
from programs import DEFAULT_BUILD, Failure, require

MOST_MORE = 0.01
AT_ONCE = 16  # frames in flight
ROUNDS = 40  # of a turn
TURNS, MOST_TURNS = 12, 60
FRAMES = AT_ONCE * ((64).to_bytes(4, "big") + bytes(64))
WITHOUT, BESIDE = (), ("--admin", "tcp://127.0.0.1:0")


def prove(build):
    """Raises Failure when it does not hold."""
    program = f"{build}/apps/echo_server"
    require([program])
    with contextlib.ExitStack() as stack:
        servers, peers, least = [], [], [float("inf"), float("inf")]
        for options in (WITHOUT, BESIDE):
            servers.append(stack.enter_context(Counted(program, "--mode", "frames", "--quiet", "--threads", "1",
                                                       "tcp://127.0.0.1:0", *options)))
            peers.append(stack.enter_context(socket.create_connection(servers[-1].where, 60)))
            echo(peers[-1])  # warm
        turns = 0
        while turns < TURNS or more(least) > MOST_MORE and turns < MOST_TURNS:
            turns += 1
            for number, (server, peer) in enumerate(zip(servers, peers)):
                found = server.instructions(lambda: echo(peer)) / ROUNDS / AT_ONCE
                least[number] = min(least[number], found)
        for server, peer in zip(servers, peers):
            peer.close()
            server.stop()
    text = (f"{least[0]:.0f} instructions an echoed frame, {least[1]:.0f} with --admin: {more(least):+.2%} "
            f"(at most {MOST_MORE:.0%}), the least of {turns} turns")
    if more(least) > MOST_MORE:
        raise Failure(text)
    return text


def more(least):
    return least[1] / least[0] - 1


def echo(peer):
    for _ in range(ROUNDS):
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
