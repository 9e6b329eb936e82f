# SPDX-License-Identifier: BSL-1.0
"""nginx as a server that is measured: nginx.conf.in filled in, started, and ended with the `with` block."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from key_pair import KeyPair
from programs import Failure

TEMPLATE = Path(__file__).with_name("nginx.conf.in")
PATIENCE = 10  # seconds


def program():
    """Its path; distributions put it where only root looks."""
    found = shutil.which("nginx", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if not found:
        raise Failure("nginx is missing: apt-get install nginx")
    return found


def free_ports(count):
    """Ports that nobody listens on now: nginx cannot be told to choose."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def child_of(pid):
    """The process whose parent is this one, if there is one."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "stat").read_text().rpartition(")")[2].split()[1] == str(pid):
                return int(entry.name)
        except OSError:
            pass  # it has ended meanwhile
    return None


class Nginx:
    """A running nginx with one worker, whose id is `pid`; `endpoint` and `tls_endpoint` answer alike."""

    def __init__(self, cores=None, pair=None):
        path = program()
        self.directory = tempfile.TemporaryDirectory()
        self.own_pair = None if pair else KeyPair().__enter__()
        pair = pair or self.own_pair
        port, tls_port = free_ports(2)
        self.endpoint, self.tls_endpoint = f"tcp://127.0.0.1:{port}", f"tls://127.0.0.1:{tls_port}"
        values = {"PORT": port, "TLS_PORT": tls_port, "CERTIFICATE": pair.certificate, "KEY": pair.key}
        configuration = Path(self.directory.name) / "nginx.conf"
        configuration.write_text(re.sub(r"@(\w+)@", lambda name: str(values[name[1]]), TEMPLATE.read_text()))
        self.errors = open(Path(self.directory.name) / "errors", "w+")
        place = (lambda: os.sched_setaffinity(0, cores)) if cores else None
        self.process = subprocess.Popen([path, "-p", self.directory.name, "-c", configuration],
                                        stdout=subprocess.DEVNULL, stderr=self.errors, preexec_fn=place)
        try:
            self.pid = self._worker(port)
        except Failure:
            self.__exit__()
            raise

    def _worker(self, port):
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up and self.process.poll() is None:
            worker = child_of(self.process.pid)
            try:
                socket.create_connection(("127.0.0.1", port), PATIENCE).close()
            except ConnectionRefusedError:
                worker = None
            if worker:
                return worker
            time.sleep(0.01)
        self.errors.seek(0)
        raise Failure(f"nginx does not listen; it says: {self.errors.read().strip()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()  # it ends its worker; killed, it could not
        try:
            self.process.wait(PATIENCE)
        finally:
            self.errors.close()
            self.directory.cleanup()
            if self.own_pair:
                self.own_pair.__exit__()
