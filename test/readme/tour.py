# SPDX-License-Identifier: BSL-1.0
"""The tour of a Markdown text: the commands of its ```console blocks, run one after another, and what they print.

    HAWSER_APPS=build/release/apps python3 test/readme/tour.py README.md     writes their output, as it is now, into it

A block begins with nothing running. `$ PROGRAM ... &` starts a server and prints where it listens; any other command is
run to its end, and prints what it prints. The servers get SIGTERM at the end of the block, and have to end with 0.
"""
import os
import pathlib
import re
import select
import shlex
import signal
import subprocess
import sys

APPS = pathlib.Path(os.environ["HAWSER_APPS"])
PATIENCE = 60  # seconds
SILENCE = 0.5  # seconds without a line, after which a server that has said enough has said where it listens
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROUGHLY = (  # what differs from run to run, and what stands for it
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE"), (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "DATE"),
    (r"\w+, \w+ +\d+, \d{4} \d\d:\d\d:\d\d", "DATE"),
    (r"(?<=:)\d{5}\b(?<!65432)", "PORT"), (r"\b\d+\.\d+\b(?!\.\d)", "NUMBER"), (r"\b\d+(?= a second)", "NUMBER"),
    (r"\b\d+(?=%)", "NUMBER"), (r"(?<=time )\d+(?=ms)", "NUMBER"), (r"skew \S+ s", "skew NUMBER s"),
    (r"(?<=of a processor): it may be what was measured", ""),
    (r"(?m)^\d+(?= messages in| were due)", "NUMBER"), (r" +", " "),
)
PIECE = re.compile(r'received "(.*)" from connection (\d+)')  # of a stream, which may come in one or in several


def commands(block):
    """Its commands with what stands below each."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif not found:
            raise ValueError(f"expected a command at the begin of a console block, got {line!r}")
        else:
            found[-1][1].append(line)
    return found


def first_lines(server, least):
    """What it prints until it is silent, so many lines at least."""
    got = b""
    while select.select([server.stdout], [], [], SILENCE if got.count(b"\n") >= least else PATIENCE)[0]:
        if not (piece := os.read(server.stdout.fileno(), 65536)):
            raise AssertionError(f"{server.args} has ended after {got!r}")
        got += piece
    return got.decode().splitlines()


def play(block):
    """The block with the output of its commands as it is now."""
    servers = []
    lines = []
    try:
        for command, below in commands(block):
            lines.append("$ " + command)
            where = dict(os.environ, PATH=f"{APPS}:{os.environ['PATH']}")
            if command.endswith("&"):
                servers.append(subprocess.Popen(shlex.split(command.rstrip(" &")), env=where, stdout=subprocess.PIPE,
                                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL))
                lines += first_lines(servers[-1], max(1, len(below)))
            else:
                done = subprocess.run(["sh", "-c", command], env=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      stdin=subprocess.DEVNULL, timeout=PATIENCE)
                lines += done.stdout.decode().splitlines()
        for server in servers:
            server.send_signal(signal.SIGTERM)
            server.stdout.read()
            if server.wait(PATIENCE) != 0:
                raise AssertionError(f"{server.args} ended with {server.returncode}")
    finally:
        for server in servers:
            server.kill()
            server.wait()
            server.stdout.close()
    return "".join(line.rstrip() + "\n" for line in lines)


def whole(lines):
    """The same, with what each connection received in one line."""
    found, streams = [], {}
    for line in lines:
        if piece := PIECE.fullmatch(line):
            streams[piece[2]] = streams.get(piece[2], "") + piece[1]
        else:
            found.append(line)
    return found + [f'received "{text}" from connection {number}' for number, text in streams.items()]


def roughly(text):
    """Its lines without what differs from run to run. Those below one command may come in any order."""
    for pattern, word in ROUGHLY:
        text = re.sub(pattern, word, text)
    return [(command, sorted(whole(below))) for command, below in commands(text)]


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1])
    path.write_text(BLOCK.sub(lambda found: "```console\n" + play(found[1]) + "```", path.read_text()))
