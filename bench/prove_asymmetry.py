#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Shows that no request keeps an HTTP server busy for next to nothing, by the instructions that it takes.

    prove_asymmetry.py [BUILD]      exit 0 if that holds, 1 if not; needs valgrind

A stream of bytes may cost what a few plain GETs cost with their connections, whatever it holds, and for each byte
twice what a byte of plain GETs behind each other costs. Tried are the costliest streams that we can think of, and those
that fuzzing has kept. callgrind counts what the loop's thread has run, the kernel's part left out; http_asymmetry
measures the processor's time, the kernel's with it.
"""
import contextlib
import socket
import sys

from callgrind import Counted
from programs import DEFAULT_BUILD, REPOSITORY, Failure, require

MOST_GETS = 8      # what a refusal costs: an exception, and words for the log
MOST_FOR_A_BYTE = 2
TIMES = 20
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BEHIND_EACH_OTHER = 500
CORPUS = REPOSITORY / "test/fuzz/corpus/http_request"
FOR_THE_FUZZER = 2  # bytes at the begin of each file: limits, and where to cut the stream


def streams():
    get, post = GET[:-2], GET[:-2].replace(b"GET", b"POST")
    found = {
        "100 fields": get + 98 * b"a: b\r\n" + b"\r\n",
        "fields up to the limit": get + 98 * (b"a: " + 155 * b"b" + b"\r\n") + b"\r\n",
        "one field up to the limit": get + b"a: " + 16_000 * b"b" + b"\r\n\r\n",
        "connection options": get + b"Connection: " + 7_000 * b"a," + b"a\r\n\r\n",
        "codings": post + b"Transfer-Encoding: " + 7_000 * b"a," + b"chunked\r\n\r\n",
        "target up to the limit": b"GET /" + 2_700 * b"%41" + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        "chunks of a byte": post + b"Transfer-Encoding: chunked\r\n\r\n" + 3_000 * b"1\r\na\r\n" + b"0\r\n\r\n",
    }
    kept = {path.name: path.read_bytes()[FOR_THE_FUZZER:] for path in sorted(CORPUS.iterdir())}
    if not kept:
        raise Failure(f"{CORPUS}: expected files of requests, got none")
    return found | {f"corpus: {name}": stream for name, stream in kept.items()}


def exchange(where, stream):
    """Sends it and ends, and takes whatever comes; the server may have refused it before its end."""
    with socket.create_connection(where, 60) as peer:
        with contextlib.suppress(ConnectionError):
            peer.sendall(stream)
            peer.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while peer.recv(65536):
                pass


def cost(server, stream):
    """Instructions of one exchange."""
    def some():
        for _ in range(TIMES):
            exchange(server.where, stream)

    exchange(server.where, stream)  # warm
    return server.instructions(some) / TIMES


def prove(build):
    """Raises Failure when it does not hold."""
    program = f"{build}/apps/http_server"
    require([program])
    wrong = []
    with Counted(program, "--quiet", "--threads", "1", "tcp://127.0.0.1:0") as server:
        first = cost(server, GET)
        next_byte = (cost(server, BEHIND_EACH_OTHER * GET) - first) / (BEHIND_EACH_OTHER - 1) / len(GET)
        print(f"instructions of a GET with its connection {first:,.0f}, "
              f"of a byte of GETs behind each other {next_byte:.0f}")
        for name, stream in streams().items():
            found = cost(server, stream)
            most = MOST_GETS * first + MOST_FOR_A_BYTE * next_byte * len(stream)
            print(f"{found / most:5.2f} of what it may cost: {found:,.0f} for {len(stream)} bytes: {name}")
            if found > most:
                wrong.append(name)
        server.stop()
    if wrong:
        raise Failure(f"too much: {', '.join(wrong)}")


if __name__ == "__main__":
    try:
        prove(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_BUILD)
    except Failure as failure:
        sys.exit(f"prove_asymmetry.py: {failure}")
