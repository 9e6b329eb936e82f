# SPDX-License-Identifier: BSL-1.0
"""What sslscan finds that a TLS server takes: nothing but TLS 1.2 and 1.3 with ciphers of today."""
import re
import tempfile
import unittest
from pathlib import Path

from certificates import Certificates
from judge import judge, line
from process import Server

MODERN = re.compile(r"TLS_(AES_128_GCM_SHA256|AES_256_GCM_SHA384|CHACHA20_POLY1305_SHA256)"
                    r"|ECDHE-(ECDSA|RSA)-(AES128-GCM-SHA256|AES256-GCM-SHA384|CHACHA20-POLY1305)")
CIPHER = re.compile(r"^(?:Preferred|Accepted)\s+(TLSv1\.\d)\s+(\d+) bits\s+(\S+)", re.MULTILINE)


class SslScan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        pair = Certificates(Path(folder)).server()
        server = cls.enterClassContext(Server("http_server", "--quiet", "--cert", pair.certificate, "--key", pair.key,
                                              "tls://127.0.0.1:0"))
        cls.found = judge("sslscan", "--no-colour", server.endpoint.removeprefix("tls://"))

    def test_only_tls_1_2_and_1_3_are_enabled(self):
        for version, state in (("SSLv2", "disabled"), ("SSLv3", "disabled"), ("TLSv1.0", "disabled"),
                               ("TLSv1.1", "disabled"), ("TLSv1.2", "enabled"), ("TLSv1.3", "enabled")):
            self.assertEqual(line(rf"{re.escape(version)}\s+(enabled|disabled)", self.found), state, version)

    def test_there_is_no_renegotiation(self):
        line("Session renegotiation not supported", self.found)

    def test_a_downgrade_is_noticed(self):
        line("Server supports TLS Fallback SCSV", self.found)

    def test_heartbleed_is_history(self):
        for version in ("TLSv1.2", "TLSv1.3"):
            line(rf"{re.escape(version)} not vulnerable to heartbleed", self.found)

    def test_every_cipher_is_a_strong_one(self):
        ciphers = CIPHER.findall(self.found)
        self.assertEqual({version for version, _, _ in ciphers}, {"TLSv1.2", "TLSv1.3"}, self.found)
        for version, bits, name in ciphers:
            with self.subTest(cipher=name):
                self.assertRegex(name, f"^({MODERN.pattern})$")
                self.assertGreaterEqual(int(bits), 128)
        self.assertEqual(self.found.count(" bits  TLS_") + self.found.count(" bits  ECDHE-"), len(ciphers))


if __name__ == "__main__":
    unittest.main(verbosity=2)
