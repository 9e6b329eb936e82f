"""The servers that are measured: a name, a command line, and what it is. All echo, on one thread.

The floor and the rival do not parse, so the same framed load suits every line of this table.
"""
from dataclasses import dataclass
from pathlib import Path

from programs import Failure

FLOOR = "floor"


@dataclass(frozen=True)
class Contender:
    name: str
    command: tuple
    what: str

    def command_line(self, build):
        return [str(Path(build) / self.command[0]), *self.command[1:]]


ANY_PORT = "tcp://127.0.0.1:0"

CONTENDERS = [
    Contender(FLOOR, ("bench/floor", "0"), "bare epoll in C, no parsing"),
    Contender("asio", ("bench/asio_echo", "0"), "Asio coroutines, no parsing"),
    Contender("bytes", ("apps/echo_server", "--quiet", "--threads", "1", ANY_PORT), "echo_server, bytes"),
    Contender("frames", ("apps/echo_server", "--mode", "frames", "--quiet", "--threads", "1", ANY_PORT),
              "echo_server --mode frames, read_frame()"),
    Contender("batches", ("bench/hawser_echo", "0"), "the same with read_frames()"),
    Contender("multi", ("apps/multi_server", "--quiet", "--threads", "1", "127.0.0.1", "0"), "multi_server, bytes"),
]


def choose(names):
    """The contenders with these names, the floor always first."""
    known = {c.name: c for c in CONTENDERS}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise Failure(f"unknown contender {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[FLOOR]] + [known[n] for n in dict.fromkeys(names) if n != FLOOR]
