# SPDX-License-Identifier: BSL-1.0
"""The HTTP part of the demonstration: http_server and each model of bench_server under ab and wrk, and a silent client.

Server and tool share one core, as in same_core.py; the floor of a tool is http_floor under the same tool.
"""
import re
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

import generators
from generators import BODY
from key_pair import KeyPair
from processor_time import with_children
from programs import CORES, Failure, Server, require

GUIDES_LINE = ("ab", "-c", "50", "-n", "1000", "http://localhost:8001/")
REQUESTS = 10_000
SECONDS = 2            # of wrk
AT_MOST = 90           # seconds for all of it
LEAST_OF_FULL = 0.5    # of the rate without the silent client, to count as not held up: the rest is noise
MODELS = ("async", "threads", "processes", "blocking")
ONE_AT_A_TIME = "blocking"

TOOLS = {  # what is run, and the floor it is compared with
    "ab": (lambda url, core: generators.ab(url, REQUESTS, cores=core), ("close",)),
    "ab -k": (lambda url, core: generators.ab(url, REQUESTS, keep_alive=True, cores=core), ("keep-alive",)),
    "wrk": (lambda url, core: generators.wrk(url, SECONDS, cores=core), ()),
}


@dataclass(frozen=True)
class Subject:
    title: str
    server: tuple   # what to start; {certificate} and {key} are filled in
    scheme: str = "http"
    model: str = ""


@dataclass(frozen=True)
class Row:
    tool: str
    result: generators.Result
    connections: int
    us_per_request: float


SUBJECTS = [
    Subject("http_server", ("http_server", "--quiet", "tcp://127.0.0.1:0")),
    Subject("http_server, TLS", ("http_server", "--quiet", "--cert", "{certificate}", "--key", "{key}",
                                 "tls://127.0.0.1:0"), "https"),
    *(Subject(f"bench_server {model}", ("bench_server", "--quiet", "--model", model), model=model)
      for model in MODELS),
]


def say(text=""):
    print(text, flush=True)


def start(build, subject, pair):
    words = [w.format(certificate=pair.certificate, key=pair.key) for w in subject.server]
    say(f"\n$ {build}/apps/{' '.join(words)}")
    return Server([f"{build}/apps/{words[0]}", *words[1:]], {CORES[-1]})


def url_of(subject, server):
    port = server.endpoint.rpartition(":")[2]
    return f"{subject.scheme}://{'127.0.0.1' if subject.scheme == 'https' else 'localhost'}:{port}/"


def check_answer(server, authority):
    """One GET by hand: raises Failure unless its answer is a whole 200 whose body is the one expected."""
    scheme, _, where = server.endpoint.partition("://")
    host, _, port = where.rpartition(":")
    with socket.create_connection((host, int(port)), 10) as peer:
        if scheme == "tls":
            context = ssl.create_default_context(cafile=authority)
            peer = context.wrap_socket(peer, server_hostname="localhost")
        with peer:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b""
            while piece := peer.recv(4096):
                answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 ") or body != BODY:
        raise Failure(f"{server.name}: expected a 200 with {BODY!r}, got {answer!r}")


def passive_opens():
    """Connections that this machine's listening sockets have been given since it started."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:")]
    return int(lines[1][lines[0].index("PassiveOpens")])


def measure(tool, url, pid, settle):
    """Runs a tool; `settle` brings the server to rest, so that what it has used is all there."""
    settle()
    used, opened = with_children(pid), passive_opens()
    result = TOOLS[tool][0](url, {CORES[-1]})
    opened = passive_opens() - opened
    settle()
    return Row(tool, result, opened, (with_children(pid) - used) / max(1, result.requests) * 1e6)


def measure_floors(build):
    """{tool: the floor's row}."""
    rows = {}
    for tool, (_, options) in TOOLS.items():
        with Server([f"{build}/bench/http_floor", "0", *options], {CORES[-1]}) as floor:
            rows[tool] = measure(tool, floor.endpoint.replace("tcp:", "http:") + "/", floor.pid, lambda: None)
    return rows


def show_guides_line(server):
    if server.endpoint != "tcp://127.0.0.1:8001":
        raise Failure(f"bench_server: expected it at port 8001, got {server.endpoint}")
    say(f"$ {' '.join(GUIDES_LINE)}")
    text = generators.run(GUIDES_LINE)
    result = generators.parse_ab(text, 1000)
    for line in re.findall(r"^(?:Complete|Failed|Requests per|Non-2xx).*$", text, re.MULTILINE):
        say("  " + line)
    return result.failures


def show_silent_client(subject, server, url, full):
    """How many answers come while one client has connected and sends nothing; says whether the model did as it does."""
    host, _, port = server.endpoint.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port))):
        silent = generators.wrk(url, 1, cores={CORES[-1]})
    share = silent.per_second / full
    say(f"  beside a silent client: {silent.requests:,} answers in 1 s, {share:.0%} of the full rate")
    return silent.requests == 0 if subject.model == ONE_AT_A_TIME else share >= LEAST_OF_FULL


def show_subject(build, subject, pair):
    """All tools against one server. Returns its rows and what went wrong."""
    faults = []
    with start(build, subject, pair) as server:
        url = url_of(subject, server)
        say(f"  listening on {server.endpoint}")
        check_answer(server, pair.certificate)
        if subject.model and show_guides_line(server):
            faults.append(f"{subject.title}: failures under {' '.join(GUIDES_LINE)}")
        rows = [measure(tool, url, server.pid, lambda: check_answer(server, pair.certificate)) for tool in TOOLS]
        if subject.model and not show_silent_client(subject, server, url, rows[-1].result.per_second):
            faults.append(f"{subject.title}: not as expected beside a silent client")
        server.process.terminate()
        if (status := server.wait(timeout=40)) != 0:
            faults.append(f"{subject.title}: exit {status} after SIGTERM: {server.said().strip()}")
    faults += [f"{subject.title} under {r.tool}: {r.result.detail}" for r in rows if r.result.failures]
    return rows, faults


def print_table(floors, rows_of):
    say(f"\n{'':31}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'connections':>13}{'CPU/floor':>11}{'failures':>10}")
    for title, rows in [("floor (bare epoll in C)", floors.values()), *rows_of.items()]:
        for row in rows:
            r = row.result
            ratio = row.us_per_request / floors[row.tool].us_per_request
            say(f"{title:24}{row.tool:7}{r.per_second:12,.0f}{r.p50 / 1e3:9.2f}{r.p99 / 1e3:9.2f}"
                f"{row.connections:13,}{ratio:11.2f}{r.failures:10}")
            title = ""
    say(f"\nServer and tool on one core. ab -c 50 -n {REQUESTS}, one connection a request; ab -k -c 50 -n {REQUESTS}; "
        f"wrk -t1 -c64 -d{SECONDS}s.\nab's times are whole milliseconds. The floor's CPU time a request: "
        + ", ".join(f"{row.us_per_request:.1f} us under {tool}" for tool, row in floors.items()) + ".")


def show_http(build):
    """Runs all of it, and returns what went wrong, a line each."""
    began = time.monotonic()
    require([f"{build}/apps/{s.server[0]}" for s in SUBJECTS] + [f"{build}/bench/http_floor"])
    say("\n== HTTP: http_server, and bench_server in its models, under ab and wrk")
    floors = measure_floors(build)
    rows_of, faults = {}, []
    with KeyPair() as pair:
        for subject in SUBJECTS:
            rows_of[subject.title], found = show_subject(build, subject, pair)
            faults += found
    print_table(floors, rows_of)
    say(f"\nab and wrk took {time.monotonic() - began:.0f} s (at most {AT_MOST}).")
    return faults
