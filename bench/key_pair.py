# SPDX-License-Identifier: BSL-1.0
"""A certificate for localhost and its key, for the servers of a benchmark: both in a directory that goes with them."""
import subprocess
import tempfile
from pathlib import Path

from programs import Failure

MAKE = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")


class KeyPair:
    """Paths `certificate` and `key`, until the `with` block is left."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.certificate = Path(self.directory.name) / "server.pem"
        self.key = Path(self.directory.name) / "server.key"
        done = subprocess.run([*MAKE, "-keyout", self.key, "-out", self.certificate], capture_output=True, text=True)
        if done.returncode != 0:
            self.directory.cleanup()
            raise Failure(f"openssl made no certificate: {done.stderr.strip()}")
        return self

    def __exit__(self, *_):
        self.directory.cleanup()
