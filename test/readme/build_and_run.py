# SPDX-License-Identifier: BSL-1.0
"""Compiles snippets, and runs those that are programs: each client against the server before it.

The environment says how to compile: HAWSER_CXX, HAWSER_CXX_LAUNCHER, HAWSER_LINK.
"""
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess

from ports import held_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 60  # seconds for anything that runs


class Failed(Exception):
    pass


def compile(snippet, program):
    """Makes the program, or only the object of a snippet without a role. Failed carries what the compiler said."""
    source = program.with_suffix(".cpp")
    source.write_text(snippet.code)
    compiled = program.with_suffix(".o")
    compiler = os.environ["HAWSER_CXX"]
    command = [*shlex.split(os.environ["HAWSER_CXX_LAUNCHER"]), compiler, "-std=c++20", "-Wall", "-Wextra",
               "-I", ROOT / "lib/include", "-c", source, "-o", compiled]
    must(command, f"README.md:{snippet.line}: does not compile")
    if snippet.role:
        link = [compiler, compiled, *shlex.split(os.environ["HAWSER_LINK"]), "-o", program]
        must(link, f"README.md:{snippet.line}: does not link")


def must(command, otherwise, **options):
    run = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if run.returncode != 0:
        raise Failed(f"{otherwise}\n{run.stdout}")


def build_and_run(snippets, folder):
    """Everything, in order. Returns how many programs ran."""
    ran = 0
    server = None
    try:
        with held_port() as port:
            for number, snippet in enumerate(snippets):
                program = pathlib.Path(folder) / f"snippet{number}"
                compile(snippet._replace(code=on_port(snippet.code, port)), program)
                where = f"README.md:{snippet.line}"
                if snippet.role in ("server", "program"):
                    stop(server)
                    server = None
                if snippet.role == "server":
                    server = Server(program, where, port)
                elif snippet.role == "client" and not server:
                    raise Failed(f"{where}: no server stands before this client")
                elif snippet.role:
                    must([program], f"{where}: failed", timeout=LIMIT, cwd=folder)
                ran += snippet.role is not None
            stop(server)
            server = None
    finally:
        if server:
            server.process.kill()
            server.process.wait()
    return ran


def stop(server):
    if server:
        server.stop()


def on_port(code, port):
    """The same code on a free port, so that several runs on one machine do not meet."""
    return re.sub(r"(\b(?:127\.0\.0\.1|localhost)):\d+", rf"\g<1>:{port}", code)


class Server:
    def __init__(self, program, where, port):
        self.where = where
        self.process = subprocess.Popen([program], stdin=subprocess.DEVNULL)
        try:
            self.wait_until_it_listens(port)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def wait_until_it_listens(self, port):
        for _ in range(LIMIT * 20):
            if self.process.poll() is not None:
                raise Failed(f"{self.where}: the server ended with {self.process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=LIMIT).close()
                return
            except ConnectionRefusedError:
                try:
                    self.process.wait(0.05)
                except subprocess.TimeoutExpired:
                    pass
        raise Failed(f"{self.where}: the server does not listen on port {port}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"{self.where}: the server does not end after SIGTERM") from None
        if code != 0:
            raise Failed(f"{self.where}: the server ended with {code} after SIGTERM")
