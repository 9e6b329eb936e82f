"""Plaintext on a TLS port and TLS on a plaintext port: each is named and closed at once."""
import re
import socket
import subprocess
import tempfile
import time
import unittest

from certificates import Certificates
from process import APPS, PATIENCE, Server, exchange
from tls import client_context, connect, end_of, hello, record

AT_MOST = 0.020
TIMES = 100
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

    def delays(self, server, sent):
        """How long 99 of 100 take to be closed, and what they are told."""
        delays, told = [], set()
        for _ in range(TIMES):
            with server.connect() as peer:
                peer.sendall(sent)
                begin = time.monotonic()
                told.add(end_of(peer))
                delays.append(time.monotonic() - begin)
        return sorted(delays)[TIMES * 99 // 100 - 1], told

    def lines(self, server, pattern):
        self.assertEqual(server.stop(), 0)
        lines = server.err.all()
        for line in lines:
            self.assertNotRegex(line, r"[\x00-\x1f\x7f]")
        return [line for line in lines if re.search(pattern, line)]


class OnTheTlsPort(Test):
    def test_what_is_not_tls_is_named_and_closed_at_once(self):
        for name, sent in FOREIGN.items():
            with self.subTest(name or "frames"), Server(
                    "echo_server", "--mode", "frames", "--cert", self.pair.certificate, "--key", self.pair.key,
                    "tls://127.0.0.1:0") as server:
                begin = time.monotonic()
                delay, told = self.delays(server, sent)
                taken = time.monotonic() - begin
                self.assertLessEqual(delay, AT_MOST)
                with connect(server.endpoint, client_context(self.made.ca)) as peer:
                    exchange(peer)
                lines = self.lines(server, "not_tls")
                self.assertGreaterEqual(len(lines), 1)
                self.assertLessEqual(len(lines), 1 + taken)
                if name:
                    self.assertIn(f"looks like {name}", lines[0])

    def test_a_first_byte_that_is_not_tls_s_is_enough(self):
        with Server("echo_server", "--cert", self.pair.certificate, "--key", self.pair.key, "tls://127.0.0.1:0") as server:
            delay, _ = self.delays(server, b"G")
            self.assertLessEqual(delay, AT_MOST)


class OnThePlaintextPort(Test):
    def test_a_hello_on_the_frame_port_is_named_and_closed_at_once(self):
        with Server("echo_server", "--mode", "frames", "tcp://127.0.0.1:0") as server:
            delay, told = self.delays(server, record(22, hello(), 0x0301))
            self.assertLessEqual(delay, AT_MOST)
            self.assertEqual(told, {b""})
            lines = self.lines(server, "looks like TLS")
            self.assertGreaterEqual(len(lines), 1)

    def test_openssl_s_client_is_closed_at_once_too(self):
        with Server("echo_server", "--mode", "frames", "tcp://127.0.0.1:0") as server:
            begin = time.monotonic()
            done = subprocess.run(["openssl", "s_client", "-connect", server.endpoint.partition("://")[2]],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
            self.assertLess(time.monotonic() - begin, 1)
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
