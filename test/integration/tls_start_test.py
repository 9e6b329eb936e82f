# SPDX-License-Identifier: BSL-1.0
"""A server over TLS starts with a pair that can be used, or not at all."""
import os
import subprocess
import tempfile
import unittest

from certificates import DAY, FOR_SERVERS, LOCAL, NOW, Certificates, Pair, issue
from process import Program, Server, exchange, run
from tls import client_context, connect

ANY_PORT = "tls://127.0.0.1:0"


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Certificates(cls.enterClassContext(tempfile.TemporaryDirectory()))

    def refused(self, *arguments, named):
        """Exit 2, one line, and nothing was listened on."""
        status, out, err = run("echo_server", *arguments)
        self.assertEqual((status, out, len(err)), (2, [], 1), err)
        for name in named:
            self.assertIn(str(name), err[0])

    def file(self, name, content):
        path = self.made.folder / name
        path.write_bytes(content)
        return path


class Pairs(Test):
    def refused_pair(self, pair, *words, file=None):
        self.refused("--cert", pair.certificate, "--key", pair.key, ANY_PORT, named=(file or pair.certificate, *words))

    def test_a_good_one_serves(self):
        pair = self.made.server()
        with Server("echo_server", "--mode", "frames", "--quiet", "--cert", pair.certificate, "--key", pair.key,
                    ANY_PORT) as server:
            with connect(server.endpoint, client_context(self.made.ca)) as peer:
                exchange(peer)
            self.assertEqual(server.stop(), 0)

    def test_expired(self):
        self.refused_pair(self.made.server("expired"), "expired")

    def test_not_yet_valid(self):
        self.refused_pair(self.made.server("not yet valid"), "not valid before")

    def test_an_expired_authority_in_between(self):
        old = issue("Old Intermediate", self.made.root, authority=True, start=NOW - 30 * DAY, end=NOW - DAY)
        self.refused_pair(self.made.pair("old", issue("localhost", old, names=LOCAL, purposes=FOR_SERVERS)), "expired")

    def test_a_key_of_another_certificate(self):
        pair = self.made.mismatched()
        self.refused_pair(pair, file=pair.key)

    def test_files_that_are_missing_or_no_files(self):
        good = self.made.server()
        for bad in (self.made.folder / "none.pem", self.made.folder):
            with self.subTest(bad=bad.name):
                self.refused_pair(Pair(bad, good.key))
                self.refused_pair(Pair(good.certificate, bad), file=bad)
        self.refused_pair(Pair("", good.key), '""')

    def test_files_that_hold_something_else(self):
        good = self.made.server()
        text = good.certificate.read_bytes()
        for name, content in (("empty", b""), ("noise", bytes(range(256))), ("cut", text[:300]),
                              ("damaged", text[:200] + b"A" * 40 + text[240:]), ("key", good.key.read_bytes())):
            with self.subTest(name):
                self.refused_pair(Pair(self.file(f"{name}.pem", content), good.key))
        for name, content in (("empty", b""), ("cut", good.key.read_bytes()[:100]), ("certificate", text)):
            with self.subTest(key=name):
                self.refused_pair(Pair(good.certificate, bad := self.file(f"{name}.key", content)), file=bad)

    def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(self):
        good = self.made.server()
        locked = self.made.folder / "locked.key"
        subprocess.run(["openssl", "ec", "-in", good.key, "-aes256", "-passout", "pass:secret", "-out", locked],
                       check=True, capture_output=True)
        self.refused_pair(Pair(good.certificate, locked), "encrypted", file=locked)

    def test_a_key_that_the_policy_does_not_allow(self):
        weak = self.made.client("RSA-1024")
        self.refused_pair(weak)

    def test_an_unreadable_file(self):
        """As a user who may not read it; root may read everything."""
        good = self.made.server()
        secret = self.file("secret.key", good.key.read_bytes())
        secret.chmod(0)
        self.made.folder.chmod(0o755)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else ()
        with Program("echo_server", "--cert", good.certificate, "--key", secret, ANY_PORT, under=nobody) as server:
            self.assertEqual(server.wait(), 2)
            self.assertIn(str(secret), server.err.all()[0])
            self.assertIn("EACCES", server.err.all()[0])


class Options(Test):
    def test_both_files_are_needed(self):
        pair = self.made.server()
        for arguments, word in (((), "neither"), (("--cert", pair.certificate), "no --key"), (("--key", pair.key), "no --cert")):
            for server in ("echo_server", "multi_server"):
                with self.subTest(word=word, server=server):
                    status, out, err = run(server, *arguments, ANY_PORT)
                    self.assertEqual((status, out, len(err)), (2, [], 1))
                    for part in (ANY_PORT, "--cert FILE", "--key FILE", word, "openssl req -x509 "):
                        self.assertIn(part, err[0])

    def test_a_pair_without_tls_is_refused(self):
        pair = self.made.server()
        for arguments in (("--cert", pair.certificate), ("--cert", pair.certificate, "--key", pair.key)):
            self.refused(*arguments, "tcp://127.0.0.1:0", named=("--cert", "tls://"))
        self.refused("--key", pair.key, "tcp://127.0.0.1:0", named=("--key", "tls://"))

    def test_plaintext_and_tls_can_be_served_side_by_side(self):
        pair = self.made.server()
        with Server("echo_server", "--quiet", "--cert", pair.certificate, "--key", pair.key, ANY_PORT, "tcp://127.0.0.1:0",
                    listeners=2) as server:
            for endpoint, authority in zip(server.endpoints, (("--cacert", self.made.ca), ())):
                self.assertEqual(run("echo_client", *authority, endpoint), (0, ['received "Hello, world"'], []))
            self.assertEqual(server.stop(), 0)

    def test_an_authority_without_tls_is_refused(self):
        status, out, err = run("echo_client", "--cacert", self.made.ca, "tcp://127.0.0.1:1")
        self.assertEqual((status, out, len(err)), (2, [], 1))
        self.assertIn("--cacert", err[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
