# SPDX-License-Identifier: BSL-1.0
"""https_get fetches 1 GB of random bytes from http_server over TLS: the same at both ends, in little memory at either."""
import hashlib
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from certificates import Certificates
from process import APPS, Server

SIZE = 1 << 30
PIECE = 1 << 20
MOST_MEMORY = 16 << 10  # KiB


def peak(pid):
    """VmHWM in KiB."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1])


class Download(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.folder = Path(kept.name)
        self.made = Certificates(self.folder)
        self.root = self.folder / "root"
        self.root.mkdir()

    def write_random(self):
        digest = hashlib.sha256()
        with open(self.root / "gigabyte", "wb") as file:
            for _ in range(SIZE // PIECE):
                piece = os.urandom(PIECE)
                digest.update(piece)
                file.write(piece)
        return digest.hexdigest()

    def test_a_gigabyte_over_tls(self):
        sent = self.write_random()
        pair = self.made.server()
        with Server("http_server", "--root", self.root, "--cert", pair.certificate, "--key", pair.key, "--quiet",
                    "tls://127.0.0.1:0") as server:
            url = f"https://localhost:{server.endpoint.rpartition(':')[2]}/gigabyte"
            client = subprocess.Popen([str(APPS / "https_get"), "--cacert", str(self.made.ca), url], stdout=subprocess.PIPE)
            with client, client.stdout:
                digest = hashlib.sha256()
                taken = 0
                while taken < SIZE - PIECE:
                    piece = client.stdout.read(PIECE)
                    self.assertTrue(piece, f"the end after {taken} bytes")
                    digest.update(piece)
                    taken += len(piece)
                memory = {"https_get": peak(client.pid), "http_server": peak(server.pid)}  # while the last of it waits
                rest = client.stdout.read()
                digest.update(rest)
                self.assertEqual(client.wait(), 0)
            self.assertEqual(taken + len(rest), SIZE)
            self.assertEqual(digest.hexdigest(), sent)
            print(f"VmHWM in KiB: {memory}")
            for program, most in memory.items():
                self.assertLessEqual(most, MOST_MEMORY, program)

    def test_a_gigabyte_into_a_file(self):
        sent = self.write_random()
        pair = self.made.server()
        file = self.folder / "FILE"
        with Server("http_server", "--root", self.root, "--cert", pair.certificate, "--key", pair.key, "--quiet",
                    "tls://127.0.0.1:0") as server:
            url = f"https://localhost:{server.endpoint.rpartition(':')[2]}/gigabyte"
            subprocess.run([str(APPS / "https_get"), "--cacert", str(self.made.ca), "-o", str(file), url], check=True)
            self.assertLessEqual(peak(server.pid), MOST_MEMORY)
        with open(file, "rb") as received:
            self.assertEqual(hashlib.file_digest(received, "sha256").hexdigest(), sent)


if __name__ == "__main__":
    unittest.main()
