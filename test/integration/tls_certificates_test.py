# SPDX-License-Identifier: BSL-1.0
"""Bad certificates: our client refuses each bad server and says which check failed, our server each bad client."""
import itertools
import os
import socket
import ssl
import tempfile
import unittest
from pathlib import Path

from certificates import CLIENT_FAULTS, SERVER_FAULTS, Certificates
from kernel import eventually, resident, sockets
from process import Server, exchange, run
from tls import StandIn, client_context, connect, refusal, server_context

TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
SANITIZED = os.environ["HAWSER_BUILD"] in ("asan", "tsan")
HELLO = ["--mode", "frames"]


class Made(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Certificates(cls.enterClassContext(tempfile.TemporaryDirectory()))


class BadServers(Made):
    """The servers are Python's: ours would not start with most of these."""

    SYMBOLS = {"expired": "certificate_expired", "not yet valid": "certificate_not_yet_valid",
               "wrong name": "certificate_wrong_name", "unknown CA": "certificate_unknown_authority",
               "self-signed": "certificate_self_signed", "wrong purpose": "certificate_wrong_purpose"}
    ALERTS = {"expired": ("certificate_expired",), "not yet valid": ("certificate_expired", "bad_certificate"),
              "wrong name": ("bad_certificate", "certificate_unknown"), "unknown CA": ("unknown_ca",),
              "self-signed": ("unknown_ca",), "wrong purpose": ("unsupported_certificate",)}

    def says_hello(self, stand_in, host="localhost", ca=None):
        return run("echo_client", *HELLO, "--cacert", ca or self.made.ca, f"tls://{host}:{stand_in.port}")

    def check_good(self, host="localhost", family=socket.AF_INET):
        with StandIn(server_context(self.made.server()), family) as good:
            self.assertEqual(self.says_hello(good, host), (0, ['received "Hello, world"'], []))
        self.assertEqual(good.seen, [])

    def test_each_is_refused_and_named_and_a_good_one_before_and_after_is_not(self):
        self.assertEqual(set(self.SYMBOLS), set(SERVER_FAULTS))
        for fault, symbol in self.SYMBOLS.items():
            with self.subTest(fault):
                self.check_good()
                with StandIn(server_context(self.made.server(fault))) as bad:
                    status, out, err = self.says_hello(bad)
                    self.assertEqual((status, out, len(err)), (1, [], 1), err)
                    self.assertIn(f"tls://localhost:{bad.port}: {symbol}: ", err[0])
                    self.assertTrue(eventually(lambda: bad.seen))
                self.assertIn(bad.seen[0], self.ALERTS[fault])
                self.check_good()

    def test_the_line_says_what_was_expected_and_what_was_shown(self):
        with StandIn(server_context(self.made.server("wrong name"))) as bad:
            line = self.says_hello(bad)[2][0]
            self.assertIn("localhost", line)
            self.assertIn("example.org", line)

    def test_an_address_is_checked_as_an_address(self):
        self.check_good("127.0.0.1")
        self.check_good("[::1]", socket.AF_INET6)
        with StandIn(server_context(self.made.server(names=("localhost",)))) as named_only:
            status, out, err = self.says_hello(named_only, "127.0.0.1")
            self.assertEqual((status, out), (1, []))
            self.assertIn("certificate_wrong_name", err[0])

    def test_a_name_in_the_subject_alone_does_not_count(self):
        with StandIn(server_context(self.made.server(names=()))) as unnamed:
            self.assertIn("certificate_wrong_name", self.says_hello(unnamed)[2][0])

    def test_a_star_stands_for_one_whole_label_of_a_name(self):
        with StandIn(server_context(self.made.server(names=("*.localhost",)))) as starred:
            self.assertIn("certificate_wrong_name", self.says_hello(starred)[2][0])

    def test_without_an_authority_given_the_systems_are_trusted_and_ours_is_not_among_them(self):
        with StandIn(server_context(self.made.server())) as stand_in:
            status, out, err = run("echo_client", *HELLO, f"tls://localhost:{stand_in.port}")
            self.assertEqual((status, out, len(err)), (1, [], 1))
            self.assertRegex(err[0], "certificate_(unknown_authority|self_signed)")

    def test_another_authority_is_not_enough(self):
        with StandIn(server_context(self.made.server())) as stand_in:
            status, out, err = self.says_hello(stand_in, ca=self.made.other_ca)
            self.assertEqual((status, out, len(err)), (1, [], 1))
            self.assertIn("certificate_unknown_authority", err[0])

    def test_files_of_authorities_that_cannot_be_used_are_wrong_usage(self):
        with StandIn(server_context(self.made.server())) as stand_in:
            empty = self.made.folder / "empty.pem"
            empty.write_bytes(b"")
            for ca in (self.made.folder / "none.pem", empty, self.made.folder, self.made.server().key):
                with self.subTest(ca=ca.name):
                    status, out, err = self.says_hello(stand_in, ca=ca)
                    self.assertEqual((status, out, len(err)), (2, [], 1), err)
                    self.assertIn(str(ca), err[0])

    def test_both_clients_verify(self):
        with StandIn(server_context(self.made.server("expired"))) as bad:
            status, out, err = run("multi_client", "--cacert", self.made.ca, f"tls://localhost:{bad.port}", "1")
            self.assertEqual((status, len(err)), (1, 1))
            self.assertIn("certificate_expired", err[0])


class BadClients(Made):
    """A server of ours that requires certificates, and clients of Python's that send what is wrong."""

    # RFC 8446, 6.2. A certificate that is not yet valid is refused as expired or as bad: the RFC allows either reading.
    ALERTS = {None: ("certificate_required",),
              "expired": ("certificate_expired",),
              "not yet valid": ("certificate_expired", "bad_certificate"),
              "wrong CA": ("unknown_ca",),
              "self-signed": ("unknown_ca",),
              "wrong EKU": ("unsupported_certificate",),
              "CA:FALSE issuer": ("unknown_ca", "bad_certificate"),
              "revoked": ("certificate_revoked",),
              "SHA-1": ("bad_certificate", "unsupported_certificate"),
              "RSA-1024": ("bad_certificate", "unsupported_certificate"),
              "20-deep chain": ("unknown_ca", "bad_certificate"),
              "100-deep chain": ("illegal_parameter",),  # larger than a chain may be
              "1 MiB chain": ("illegal_parameter", "bad_certificate", "decode_error"),
              "NUL in SAN": ("bad_certificate",),
              "critical unknown extension": ("certificate_unknown", "unsupported_certificate", "bad_certificate"),
              "bad CertificateVerify": ("decrypt_error",),
              "absurd dates": ("bad_certificate", "certificate_expired")}

    def start(self, **options):
        pair = self.made.server()
        given = {"cert": pair.certificate, "key": pair.key, "clients": "required", "ca": self.made.ca,
                 "crl": self.made.revocations(), **options}
        return Server("tls_options_server", "echo", *(f"{name}={value}" for name, value in given.items() if value),
                      directory=TEST_PROGRAMS)

    def shown(self, fault, version=ssl.TLSVersion.TLSv1_3):
        """A client's context that shows the certificate, or none."""
        return client_context(self.made.ca, self.made.client(fault) if fault else None, version, weak=True)

    def check_good(self, server):
        with connect(server.endpoint, client_context(self.made.ca, self.made.client())) as peer:
            exchange(peer)

    def test_each_is_refused_with_the_right_alert_and_the_handler_never_runs(self):
        self.assertEqual(set(self.ALERTS), {None, *CLIENT_FAULTS})
        self.assertEqual(len(self.ALERTS), 17)
        with self.start() as server:
            self.check_good(server)
            for fault, alerts in self.ALERTS.items():
                for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
                    with self.subTest(fault=fault or "none", version=version.name):
                        if fault is None and version == ssl.TLSVersion.TLSv1_2:
                            alerts = ("handshake_failure",)  # RFC 5246, 7.4.6
                        self.assertIn(refusal(server.endpoint, self.shown(fault, version)), alerts)
            self.check_good(server)
            self.assertEqual(server.stop(), 0)
            self.assertIn("live 0, handled 2, thrown 0", server.err.all())

    def test_each_is_named_in_the_log(self):
        symbols = {None: "certificate_missing", "expired": "certificate_expired",
                   "not yet valid": "certificate_not_yet_valid", "wrong CA": "certificate_unknown_authority",
                   "self-signed": "certificate_self_signed", "wrong EKU": "certificate_wrong_purpose",
                   "revoked": "certificate_revoked", "NUL in SAN": "certificate_refused",
                   "critical unknown extension": "certificate_refused", "absurd dates": "certificate_refused"}
        for fault, symbol in symbols.items():
            with self.subTest(fault or "none"), self.start() as server:
                self.assertIsNotNone(refusal(server.endpoint, self.shown(fault)))
                line = server.err.wait_for(rf"127\.0\.0\.1:\d+: failed: {symbol}: .*")[0]
                self.assertNotRegex(line, r"[\x00-\x1f\x7f]")

    def test_a_thousand_leave_nothing_behind(self):
        with self.start() as server:
            contexts = [self.shown(fault) for fault in self.ALERTS if fault != "1 MiB chain"]
            idle = len(sockets(server.pid))
            memory = []
            for _ in range(8):
                for _ in range(500 // len(contexts) // (10 if SANITIZED else 1) + 1):
                    for context in contexts:
                        self.assertIsNotNone(refusal(server.endpoint, context))
                self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
                memory.append(resident(server.pid))
            # The allocator takes from the kernel now and then; a leak grows each time.
            if not SANITIZED:
                self.assertLessEqual(min(after - before for before, after in itertools.pairwise(memory)), 16 * 1024, memory)
            self.assertEqual(server.stop(), 0)
            self.assertIn("live 0, handled 0, thrown 0", server.err.all())

    def test_an_optional_certificate_may_be_missing_but_not_bad(self):
        with self.start(clients="optional") as server:
            with connect(server.endpoint, client_context(self.made.ca)) as peer:
                exchange(peer)
            self.check_good(server)
            self.assertEqual(refusal(server.endpoint, self.shown("expired")), "certificate_expired")
            self.assertEqual(server.stop(), 0)
            self.assertIn("live 0, handled 2, thrown 0", server.err.all())

    def test_a_session_is_not_resumed_around_the_check(self):
        """A ticket of a server that asks for nothing gets nobody into one that does."""
        with self.start() as strict, self.start(clients=None, ca=None, crl=None) as open_to_all:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = client_context(self.made.ca, version=version)
                with connect(open_to_all.endpoint, context) as peer:
                    exchange(peer)
                    session = peer.session
                with self.assertRaises((ssl.SSLError, ConnectionError)):
                    with connect(strict.endpoint, context, session=session) as peer:
                        peer.recv(1)
            self.assertEqual(strict.stop(), 0)
            self.assertIn("live 0, handled 0, thrown 0", strict.err.all())


if __name__ == "__main__":
    unittest.main(verbosity=2)
