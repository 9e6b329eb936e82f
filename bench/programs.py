# SPDX-License-Identifier: BSL-1.0
"""Programs that the benchmarks start: servers, which say where they listen, and the load, which answers in JSON.

Only processes started here are ever signalled, by their id.
"""
import json
import os
import re
import select
import signal
import subprocess
import tempfile
from pathlib import Path

LISTENING = re.compile(r"listening on (\S+)")
CORES = sorted(os.sched_getaffinity(0))
REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_BUILD = REPOSITORY / "build" / "release"


class Failure(Exception):
    """Something that had to happen did not; the text is for the user."""


def pin(pid, cores):
    """Moves every thread of a process to the given cores."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cores)


class Server:
    """A running server. Leaving the `with` block kills it if it still runs."""

    def __init__(self, command, cores=None):
        self.name = Path(command[0]).name
        self.errors = tempfile.TemporaryFile(mode="w+")
        place = (lambda: os.sched_setaffinity(0, cores)) if cores else None
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        preexec_fn=place)
        self.pid = self.process.pid
        try:
            self.endpoint = self._listening(timeout=60)
        except Failure:
            self.kill()
            raise

    def _listening(self, timeout):
        readable, _, _ = select.select([self.process.stdout], [], [], timeout)
        line = self.process.stdout.readline() if readable else ""
        found = LISTENING.fullmatch(line.strip())
        if not found:
            raise Failure(f"{self.name}: expected `listening on ENDPOINT`, got {line!r}; it says: {self.said()}")
        return found[1]

    def said(self):
        """Everything it has written to standard error."""
        self.errors.seek(0)
        return self.errors.read()

    def wait(self, timeout):
        """Its exit status; the server must be ending."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} has not ended after {timeout} s; it says: {self.said()}") from None

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def run_load(build, endpoint, *options, cores=None, tolerate=False):
    """Runs the load to its end and returns what it reports. A load that fails raises Failure; with `tolerate`, only for
    other errors than those of a server that ends: lost, torn, reset."""
    command = [str(Path(build) / "apps" / "load"), "--json", *(str(o) for o in options), endpoint]
    place = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, preexec_fn=place)
    found = json.loads(done.stdout) if done.stdout else None
    tolerated = {"lost", "torn", "reset"} if tolerate else set()
    if not found or not tolerated.issuperset(found["errors"]) or (done.returncode != 0 and not tolerate):
        raise Failure(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()} {done.stdout.strip()}")
    return found


def require(paths):
    """Raises Failure unless all these files exist."""
    missing = [str(p) for p in paths if not Path(p).exists()]
    if missing:
        raise Failure("not built: " + ", ".join(missing))
