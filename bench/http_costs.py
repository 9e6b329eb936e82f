#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints what a request costs HTTP servers: beside the floor's, and over TLS beside nginx's. `./dev bench http --help`.

same_core.py is the method, contenders.py the table of servers, nginx.conf.in what nginx is told, load/ and h2load the
load.
"""
import argparse
import json
import sys

import generators
from contenders import FLOOR, HTTP_CONTENDERS, choose
from key_pair import KeyPair
from nginx import TEMPLATE, Nginx
from processor_time import own
from programs import CORES, DEFAULT_BUILD, Failure, Server, require
from prove_floor import prove
from same_core import CONNECTIONS, HTTP, cpu_per_message, ratios, two_core_throughput
from table import print_ratios

HEADING = (f"CPU time of the server per request, as a ratio to the floor: one core for server and load,\n"
           f"{CONNECTIONS} connections, GET / answered `Hello, World!`")
CIPHER = "TLS_AES_128_GCM_SHA256"
RIVAL = "nginx"


def arguments():
    parser = argparse.ArgumentParser(prog="http_costs.py", description=__doc__.splitlines()[0])
    parser.add_argument("build", nargs="?", default=DEFAULT_BUILD, help="build directory (build/release)")
    parser.add_argument("--contenders", default=",".join(c.name for c in HTTP_CONTENDERS),
                        help="names, comma-separated (%(default)s); the floor is always measured")
    parser.add_argument("--pipelines", default="1,16", help="requests in flight per connection (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (%(default)s)")
    parser.add_argument("--cpu", type=float, default=1.0,
                        help="seconds of the floor's CPU time, or nginx's, in each measurement (%(default)s)")
    parser.add_argument("--no-proof", action="store_true", help="do not show first that the floor is one")
    parser.add_argument("--no-two-core", action="store_true", help="leave out the throughput on two cores")
    parser.add_argument("--no-tls", action="store_true", help="leave out the comparison over TLS")
    parser.add_argument("--json", action="store_true", help="print one JSON object, every round in it")
    return parser.parse_args()


def tls_servers(build, pair):
    """{name: how to start it on some cores, with the same key}."""
    command = [f"{build}/apps/http_server", "--quiet", "--cert", str(pair.certificate), "--key", str(pair.key),
               "tls://127.0.0.1:0"]
    return {RIVAL: lambda cores: Nginx(cores, pair), "http_server": lambda cores: Server(command, cores)}


def tls_once(start, requests):
    """CPU microseconds a request, over so many, the handshakes among them."""
    core = {CORES[-1]}
    with start(core) as server:
        url = getattr(server, "tls_endpoint", server.endpoint).replace("tls:", "https:") + "/"
        generators.h2load(url, CONNECTIONS, CONNECTIONS, CIPHER, core)
        before = own(server.pid)
        found, agreed = generators.h2load(url, requests, CONNECTIONS, CIPHER, core)
        spent = own(server.pid) - before
    if found.failures:
        raise Failure(f"h2load about {url}: {found.detail}")
    if agreed != ("TLSv1.3", CIPHER):
        raise Failure(f"expected TLSv1.3 with {CIPHER}, h2load says {agreed}")
    return spent / requests * 1e6


def tls_cpu_per_request(build, rounds, cpu_seconds, progress):
    """{name: [microseconds of each round]}, the rival's first."""
    with KeyPair() as pair:
        servers = tls_servers(build, pair)
        requests = max(1_000, int(cpu_seconds / (tls_once(servers[RIVAL], 20_000) * 1e-6)))
        figures = {name: [] for name in servers}
        for number in range(1, rounds + 1):
            progress(f"same core, TLS, round {number} of {rounds}, {requests} requests each")
            for name, start in servers.items():
                figures[name].append(tls_once(start, requests))
    return figures


def print_tls(figures):
    print(f"\nOver TLS 1.3 ({CIPHER}, an ECDSA P-256 key), as a ratio to nginx: one core for server and h2load --h1,\n"
          f"{CONNECTIONS} connections, as many requests to each; median (least to most) of the rounds\n")
    for name, f in figures.items():
        cell = f"({f['us']:.3f} us)" if name == RIVAL else f"({f['least']:.2f} to {f['most']:.2f}), {f['us']:.3f} us"
        print(f"{name:14}{f['ratio']:.2f} {cell}")


def print_throughput(contenders, table):
    print("\nFor information, server and load on a core each: requests a second, 99th percentile of latency\n")
    for contender in contenders:
        line = f"{contender.name:14}"
        for figures in table.values():
            f = figures[contender.name]
            line += f"{f['messages_per_second']:,.0f}, {f['latency_us']['p99']:.0f} us".ljust(24)
        print(line)


def main():
    options = arguments()
    contenders = choose(options.contenders.split(","), HTTP_CONTENDERS)
    pipelines = [int(p) for p in options.pipelines.split(",")]
    require([c.command_line(options.build)[0] for c in contenders if c.command] + [f"{options.build}/apps/load"])

    def progress(text):
        print(text, file=sys.stderr, flush=True)

    proof = None
    if not options.no_proof:
        progress("proving the floor")
        proof = prove(options.build, "http_floor")
        progress(proof.text())
    figures = cpu_per_message(options.build, contenders, pipelines, options.rounds, options.cpu, progress, HTTP)
    table = {p: ratios(f, FLOOR) for p, f in figures.items()}
    tls = {} if options.no_tls else tls_cpu_per_request(options.build, options.rounds, options.cpu, progress)
    tls_table = ratios(tls, RIVAL) if tls else {}
    throughput = {}
    if len(CORES) > 1 and not options.no_two_core:
        progress("two cores")
        throughput = {p: {c.name: two_core_throughput(options.build, c, p, what=HTTP) for c in contenders}
                      for p in pipelines}

    configuration = TEMPLATE.read_text()
    if options.json:
        print(json.dumps({"connections": CONNECTIONS, "rounds": options.rounds, "proof": proof and vars(proof),
                          "ratios": table, "us_per_request": figures, "tls_ratios": tls_table,
                          "tls_us_per_request": tls, "tls_cipher": CIPHER, "two_core": throughput,
                          "nginx.conf": configuration}, indent=1))
        return
    if proof:
        print(proof.text() + "\n")
    print_ratios(HEADING, contenders, table)
    if tls:
        print_tls(tls_table)
    if throughput:
        print_throughput(contenders, throughput)
    print("\nnginx was told:\n\n  " + configuration.rstrip().replace("\n", "\n  "))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"http_costs.py: {failure}")
