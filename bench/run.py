#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Prints what a message costs each server, as a ratio to the floor: `bench/run.py --help`.

same_core.py is the method, contenders.py the table of servers, load/ the load; http_costs.py is the same for HTTP.
"""
import argparse
import json
import sys

from contenders import CONTENDERS, FLOOR, choose
from programs import CORES, DEFAULT_BUILD, Failure, require
from prove_floor import prove
from same_core import CONNECTIONS, SIZE, cpu_per_message, ratios, two_core_throughput
from table import print_ratios


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", nargs="?", default=DEFAULT_BUILD, help="build directory (build/release)")
    parser.add_argument("--contenders", default=",".join(c.name for c in CONTENDERS if c.name != "multi"),
                        help="names, comma-separated (%(default)s); the floor is always measured")
    parser.add_argument("--pipelines", default="1,16,128", help="messages in flight per connection (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (%(default)s)")
    parser.add_argument("--cpu", type=float, default=1.0,
                        help="seconds of the floor's CPU time in each measurement (%(default)s)")
    parser.add_argument("--no-proof", action="store_true", help="do not show first that the floor is one")
    parser.add_argument("--no-two-core", action="store_true", help="leave out the throughput on two cores")
    parser.add_argument("--json", action="store_true", help="print one JSON object, every round in it")
    return parser.parse_args()


HEADING = (f"CPU time of the server per message, as a ratio to the floor: one core for server and load,\n"
           f"{CONNECTIONS} connections, {SIZE}-byte frames")


def print_throughput(contenders, table):
    print("\nFor information, server and load on a core each: messages a second, 99th percentile of latency\n")
    for contender in contenders:
        line = f"{contender.name:14}"
        for figures in table.values():
            f = figures[contender.name]
            line += f"{f['messages_per_second']:,.0f}, {f['latency_us']['p99']:.0f} us".ljust(24)
        print(line)


def main():
    options = arguments()
    contenders = choose(options.contenders.split(","))
    pipelines = [int(p) for p in options.pipelines.split(",")]
    require([c.command_line(options.build)[0] for c in contenders] + [f"{options.build}/apps/load"])

    def progress(text):
        print(text, file=sys.stderr, flush=True)

    proof = None
    if not options.no_proof:
        progress("proving the floor")
        proof = prove(options.build)
        progress(proof.text())
    figures = cpu_per_message(options.build, contenders, pipelines, options.rounds, options.cpu, progress)
    table = {p: ratios(f, FLOOR) for p, f in figures.items()}
    throughput = {}
    if len(CORES) > 1 and not options.no_two_core:
        progress("two cores")
        throughput = {p: {c.name: two_core_throughput(options.build, c, p) for c in contenders} for p in pipelines}

    if options.json:
        print(json.dumps({"connections": CONNECTIONS, "size": SIZE, "rounds": options.rounds,
                          "proof": proof and vars(proof), "ratios": table,
                          "us_per_message": figures, "two_core": throughput}, indent=1))
        return
    if proof:
        print(proof.text() + "\n")
    print_ratios(HEADING, contenders, table)
    if throughput:
        print_throughput(contenders, throughput)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"run.py: {failure}")
