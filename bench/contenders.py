# SPDX-License-Identifier: BSL-1.0
"""The servers that are measured: a name, a command line, and what it is. All on one thread.

Of those that echo, the floor and the rival do not parse, so the same framed load suits every line of that table.
"""
from dataclasses import dataclass
from pathlib import Path

from nginx import Nginx
from programs import Failure, Server

FLOOR = "floor"


@dataclass(frozen=True)
class Contender:
    name: str
    command: tuple
    what: str

    def command_line(self, build):
        return [str(Path(build) / self.command[0]), *self.command[1:]]

    def start(self, build, cores=None):
        """A running server, for a `with` block: its `endpoint`, and the `pid` whose time is counted."""
        return Server(self.command_line(build), cores)


class NginxContender(Contender):
    def start(self, build, cores=None):
        return Nginx(cores)


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


HTTP_CONTENDERS = [
    Contender(FLOOR, ("bench/http_floor", "0"), "bare epoll in C: finds the ends of requests, parses nothing"),
    Contender("http_server", ("apps/http_server", "--quiet", ANY_PORT), "http_server with its defaults"),
    NginxContender("nginx", (), "nginx, one worker"),
]


def choose(names, among=CONTENDERS):
    """The contenders with these names, the floor always first."""
    known = {c.name: c for c in among}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise Failure(f"unknown contender {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[FLOOR]] + [known[n] for n in dict.fromkeys(names) if n != FLOOR]
