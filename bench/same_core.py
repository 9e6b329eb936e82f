# SPDX-License-Identifier: BSL-1.0
"""The measurement: CPU time of a server per message, as a ratio to the floor's in the same round.

Server and load are pinned to one core. They alternate, so every batch is full and the figure does not depend on who
waits for whom. The server's CPU time (user and system, all threads) is read by the load when the measured messages
begin and when they end, so accepting and warming up are not in it. Contenders are interleaved over several rounds.
"""
import statistics

from programs import CORES, run_load

CONNECTIONS = 64
SIZE = 64
FRAMES = ("--mode", "frames", "--size", SIZE)
HTTP = ("--mode", "http")


def _shape(messages, pipeline):
    return [*messages, "--connections", CONNECTIONS, "--pipeline", pipeline]


def _once(build, contender, shape, *goal):
    core = {CORES[-1]}
    with contender.start(build, core) as server:
        return run_load(build, server.endpoint, *shape, *goal, "--cpu-of", server.pid, cores=core)


def _messages_for(build, floor, shape, cpu_seconds):
    """How many messages cost the floor so much CPU time."""
    trial = _once(build, floor, shape, "--duration", "300ms")
    return max(1_000, int(cpu_seconds / (trial["server_cpu_us_per_message"] * 1e-6)))


def cpu_per_message(build, contenders, pipelines, rounds, cpu_seconds, progress, what=FRAMES):
    """Measures; contenders[0] is the floor. Returns {pipeline: {name: [microseconds of each round]}}."""
    figures = {p: {c.name: [] for c in contenders} for p in pipelines}
    for pipeline in pipelines:
        shape = _shape(what, pipeline)
        messages = _messages_for(build, contenders[0], shape, cpu_seconds)
        for number in range(1, rounds + 1):
            progress(f"same core, P={pipeline}, round {number} of {rounds}, {messages} messages each")
            for contender in contenders:
                run = _once(build, contender, shape, "--messages", messages, "--warm-up", messages // 20)
                figures[pipeline][contender.name].append(run["server_cpu_us_per_message"])
    return figures


def ratios(figures, floor):
    """Turns the figures of one pipeline into {name: {"ratio", "least", "most", "us"}}, medians over the rounds."""
    result = {}
    for name, values in figures.items():
        by_round = [value / base for value, base in zip(values, figures[floor])]
        result[name] = {"ratio": statistics.median(by_round), "least": min(by_round), "most": max(by_round),
                        "us": statistics.median(values)}
    return result


def two_core_throughput(build, contender, pipeline, duration="1s", what=FRAMES):
    """Messages a second and latencies with the server on one core and the load on another. For information: it
    swings with who waits for whom."""
    with contender.start(build, {CORES[-1]}) as server:
        return run_load(build, server.endpoint, *_shape(what, pipeline), "--warm-up", 1_000 * pipeline,
                        "--duration", duration, cores={CORES[0]})
