# SPDX-License-Identifier: BSL-1.0
"""A program under test as a process: its lines as they come, its exit status, its end with the test.

The environment variable HAWSER_APPS names the directory of the programs. Only processes started here are signalled.
"""
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path

APPS = Path(os.environ["HAWSER_APPS"])
PATIENCE = 120  # seconds: what takes longer is stuck, under a sanitizer and on a busy machine too
# What a server writes that cuts nobody. A client that has left may still be counted: the server may not know yet.
DRAINED = r"caught SIGTERM, draining (\d+) connections\ndrained \1 connections in \d+\.\d s, cut 0"


class Lines:
    """The lines of a stream, gathered by a thread until it ends."""

    def __init__(self, stream):
        self.seen = []
        self.ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._gather, args=(stream,), daemon=True)
        self._thread.start()

    def _gather(self, stream):
        for line in stream:
            with self._changed:
                self.seen.append(line.decode("utf-8", "surrogateescape").rstrip("\n"))
                self._changed.notify_all()
        stream.close()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait_for(self, pattern, count=1):
        """The first `count` lines that match the pattern, as matches; one match if count is 1."""
        def found():
            return [m for m in map(re.compile(pattern).fullmatch, list(self.seen)) if m]

        with self._changed:
            self._changed.wait_for(lambda: len(found()) >= count or self.ended, PATIENCE)
            matches = found()
        if len(matches) < count:
            raise AssertionError(f"expected {count} lines like {pattern!r}, got {self.seen}")
        return matches[0] if count == 1 else matches[:count]

    def all(self):
        """Every line; the stream must be ending."""
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise AssertionError(f"a stream has not ended: {self.seen}")
        return self.seen


class Program:
    """A running program. Leaving the `with` block ends it, if it still runs.

    `under` is a command that becomes the program (prlimit, strace -D); `directory` is where it stands, if not in APPS.
    """

    def __init__(self, name, *arguments, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, under=(), directory=APPS,
                 **options):
        self.process = subprocess.Popen([*under, str(directory / name), *map(str, arguments)], stdin=stdin,
                                        stdout=subprocess.PIPE, stderr=stderr, **options)
        self.pid = self.process.pid
        self.out = Lines(self.process.stdout)
        self.err = Lines(self.process.stderr) if stderr == subprocess.PIPE else None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit status; the program must be ending. Returns as soon as it has: Popen.wait would look now and then."""
        if self.process.poll() is None:
            with open(os.pidfd_open(self.pid), "rb") as descriptor:
                ended = select.poll()
                ended.register(descriptor, select.POLLIN)
                if not ended.poll(PATIENCE * 1000):
                    raise AssertionError(f"{self.process.args} has not ended in {PATIENCE} s")
        return self.process.wait(PATIENCE)  # at once, or when whoever traces it has seen its end

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for lines in (self.out, self.err):
            if lines:
                lines.all()


class Server(Program):
    """A server that listens: `endpoints` as it prints them."""

    def __init__(self, name, *arguments, listeners=1, **options):
        super().__init__(name, *arguments, **options)
        try:
            found = [self.out.wait_for("listening on (.+)", n + 1) for n in range(listeners)]
            self.endpoints = [m[1] for m in (found[-1] if listeners > 1 else found)]
        except AssertionError as error:
            self.__exit__()
            raise AssertionError(f"{error}; on standard error: {self.err.seen if self.err else None}") from None
        self.endpoint = self.endpoints[0]

    def connect(self):
        """A socket connected to its first endpoint."""
        if self.endpoint.startswith("unix:"):
            peer = socket.socket(socket.AF_UNIX)
            peer.settimeout(PATIENCE)
            peer.connect(self.endpoint.removeprefix("unix:"))
            return peer
        host, _, port = self.endpoint.partition("://")[2].rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), PATIENCE)

    def stop(self, number=signal.SIGTERM):
        """Its exit status after a signal."""
        self.signal(number)
        return self.wait()


def run(name, *arguments, input=b"", under=()):
    """Runs a program to its end: its status, and the lines of its standard output and standard error."""
    done = subprocess.run([*under, str(APPS / name), *map(str, arguments)], input=input, capture_output=True,
                          timeout=PATIENCE)
    return done.returncode, text(done.stdout).splitlines(), text(done.stderr).splitlines()


def text(octets):
    return octets.decode("utf-8", "surrogateescape")


def receive(peer, size):
    """Exactly `size` bytes."""
    got = b""
    while len(got) < size:
        piece = peer.recv(size - len(got))
        if not piece:
            raise AssertionError(f"the stream ended after {len(got)} of {size} bytes")
        got += piece
    return got


def framed(payload):
    return len(payload).to_bytes(4, "big") + payload


def exchange(peer, payload=b"x"):
    """Sends one frame and expects it back."""
    peer.sendall(framed(payload))
    if (answer := receive(peer, 4 + len(payload))) != framed(payload):
        raise AssertionError(f"expected {framed(payload)!r}, got {answer!r}")


def abort(peer):
    """Closes a socket with a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
