# SPDX-License-Identifier: BSL-1.0
"""Plaintext on a TLS port and TLS on a plaintext port: each is named and closed for that, at its first bytes."""
import socket
import subprocess
import tempfile
import time
import unittest

from certificates import Certificates
from process import APPS, PATIENCE, Server, exchange
from tls import client_context, connect, end_of, hello, record

TIMES = 100
COARSE = 0.01  # seconds: the log's clock ticks, and is behind this one's by a tick at most
FOREIGN = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "": b"\0\0\0\x0bhello world",
}


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Certificates(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.pair = cls.made.server()

    def told(self, server, sent):
        """What is told each of so many that send this, and then wait for the server to end it."""
        told = []
        for _ in range(TIMES):
            with server.connect() as peer:
                peer.sendall(sent)
                told.append(end_of(peer))
        return told

    def failures(self, server, reason):
        """The lines for the sessions that failed, all for this reason: none of them waited for a deadline."""
        self.assertEqual(server.stop(), 0)
        lines = server.err.all()
        for line in lines:
            self.assertNotRegex(line, r"[\x00-\x1f\x7f]")
        failed = [line for line in lines if ": failed: " in line]
        self.assertGreaterEqual(len(failed), 1)
        for line in failed:
            self.assertIn(reason, line)
        return failed


class OnTheTlsPort(Test):
    def tls_server(self):
        return Server("echo_server", "--mode", "frames", "--cert", self.pair.certificate, "--key", self.pair.key,
                      "tls://127.0.0.1:0")

    def test_what_is_not_tls_is_named_and_closed(self):
        for name, sent in FOREIGN.items():
            with self.subTest(name or "frames"):
                begin = time.monotonic()
                with self.tls_server() as server:
                    self.told(server, sent)
                    with connect(server.endpoint, client_context(self.made.ca)) as peer:
                        exchange(peer)
                        peer.unwrap().close()
                    lines = self.failures(server, "failed: not_tls")
                taken = time.monotonic() - begin
                self.assertGreaterEqual(taken, len(lines) - 1 - COARSE, "more than a line a second")
                if name:
                    self.assertIn(f"looks like {name}", lines[0])

    def test_a_first_byte_that_is_not_tls_s_is_enough(self):
        with self.tls_server() as server:
            self.told(server, b"G")
            self.failures(server, "failed: not_tls")


class OnThePlaintextPort(Test):
    def test_a_hello_on_the_frame_port_is_named_and_closed(self):
        with Server("echo_server", "--mode", "frames", "tcp://127.0.0.1:0") as server:
            self.assertEqual(set(self.told(server, record(22, hello(), 0x0301))), {b""})
            self.failures(server, "looks like TLS")

    def test_openssl_s_client_is_closed_too(self):
        with Server("echo_server", "--mode", "frames", "tcp://127.0.0.1:0") as server:
            done = subprocess.run(["openssl", "s_client", "-connect", server.endpoint.partition("://")[2]],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 1)
            server.err.wait_for(r".*looks like TLS.*")

    def test_our_client_names_a_server_that_speaks_no_tls(self):
        with socket.create_server(("127.0.0.1", 0)) as plain:
            where = f"tls://localhost:{plain.getsockname()[1]}"
            client = subprocess.Popen([str(APPS / "echo_client"), "--cacert", self.made.ca, where],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            peer, _ = plain.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                out, err = client.communicate(timeout=PATIENCE)
            self.assertEqual((client.returncode, out), (1, b""))
            self.assertRegex(err.decode(), rf"^echo_client: {where}: not_tls: .*\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
