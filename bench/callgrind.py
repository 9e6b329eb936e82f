# SPDX-License-Identifier: BSL-1.0
"""Servers whose instructions valgrind's callgrind counts while they run, thread by thread, and without the kernel's."""
import re
import shutil
import signal
import subprocess

from programs import Failure, Server


class Counted:
    """A server with one loop under callgrind."""

    def __init__(self, *command):
        if not shutil.which("callgrind_control"):
            raise Failure("valgrind is missing: apt-get install valgrind")
        self.server = Server(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *map(str, command)])
        host, port = self.server.endpoint.removeprefix("tcp://").split(":")
        self.where = host, int(port)

    def instructions(self, action):
        """What the loop's thread runs for this: the most that any does. Others wake now and then, as time passes."""
        before = self._by_thread()
        action()
        return max(after - earlier for earlier, after in zip(before, self._by_thread()))

    def _by_thread(self):
        done = subprocess.run(["callgrind_control", "-e", str(self.server.pid)], capture_output=True, text=True,
                              timeout=60)
        found = re.findall(r"^ +Th \d+ +([\d,]+) *$", done.stdout, re.MULTILINE)
        if not found:
            raise Failure(f"callgrind has counted nothing: {done.stdout}{done.stderr}")
        return [int(number.replace(",", "")) for number in found]

    def stop(self):
        self.server.process.send_signal(signal.SIGTERM)
        if self.server.wait(timeout=60) != 0:
            raise Failure(f"the server failed; it says: {self.server.said()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.kill()
