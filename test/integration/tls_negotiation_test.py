# SPDX-License-Identifier: BSL-1.0
"""What a server agrees to: versions, suites, groups, protocols; and that nothing in a handshake can end the process."""
import ctypes
import os
import random
import ssl
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from certificates import Certificates
from kernel import descriptors, eventually
from process import PATIENCE, Server, exchange, framed
from tls import (GOOD_SUITES, GROUPS, HANDSHAKE, NO_RENEGOTIATION, POINTS, SIGNATURES, Library, answer, client_context,
                 connect, extension, first_flight, hello, record, refusal, server_name)

TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
SANITIZED = os.environ["HAWSER_BUILD"] in ("asan", "tsan")
BOTH = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
REFUSED = ("handshake_failure", "protocol_version", "insufficient_security", "illegal_parameter")

# Suites that nobody should speak, by their numbers at IANA.
WEAK = {
    "without encryption": (0x0001, 0x0002, 0x003B, 0xC006, 0xC010),
    "without authentication": (0x0018, 0x001B, 0x0034, 0x003A, 0x006C, 0x00A6, 0xC018),
    "for export": (0x0003, 0x0006, 0x0008, 0x0011, 0x0014, 0x0017),
    "RC4": (0x0004, 0x0005, 0xC007, 0xC011),
    "DES and 3DES": (0x0009, 0x000A, 0x0016, 0xC008, 0xC012),
    "RSA key exchange": (0x002F, 0x0035, 0x003C, 0x003D, 0x009C, 0x009D, 0xC09C, 0xC0A0),
    "finite-field DH": (0x0033, 0x0039, 0x0067, 0x006B, 0x009E, 0x009F, 0xCCAA),
    "CBC": (0xC009, 0xC00A, 0xC013, 0xC014, 0xC023, 0xC024, 0xC027, 0xC028),
    "IDEA, SEED, CAMELLIA, ARIA": (0x0007, 0x0096, 0x0041, 0x0084, 0xC072, 0xC076, 0xC05C),
    "PSK and SRP": (0x008C, 0x00A8, 0xC035, 0xC01D),
}


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Certificates(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.pair = cls.made.server()

    def options_server(self, handler="echo", **options):
        given = {"cert": self.pair.certificate, "key": self.pair.key, **options}
        return Server("tls_options_server", handler, *(f"{name}={value}" for name, value in given.items()),
                      directory=TEST_PROGRAMS)

    def echo_server(self, pair=None):
        pair = pair or self.pair
        return Server("echo_server", "--mode", "frames", "--quiet", "--cert", pair.certificate, "--key", pair.key,
                      "tls://127.0.0.1:0")


class Downgrades(Test):
    def test_a_good_hello_is_answered(self):
        for pair, suites in ((self.pair, (0xC02B, 0xC02C, 0xCCA9)), (self.made.rsa_server(), (0xC02F, 0xC030, 0xCCA8))):
            with self.echo_server(pair) as server:
                for suite in suites:
                    self.assertEqual(answer(server.endpoint, record(HANDSHAKE, hello(suites=(suite,)), 0x0301)),
                                     ("server hello", 0x0303, suite))

    def test_versions_before_tls_1_2_are_refused(self):
        with self.echo_server() as server:
            for version in (0x0300, 0x0301, 0x0302):
                with self.subTest(version=hex(version)):
                    suites = (*GOOD_SUITES, 0xC009, 0xC013, 0x002F, 0x000A)
                    said = answer(server.endpoint, record(HANDSHAKE, hello(version, suites), version))
                    # SSL 3.0 (RFC 6101) has no alert of that name.
                    self.assertEqual(said, ("handshake_failure" if version == 0x0300 else "protocol_version",))

    def test_sslv2_is_refused(self):
        body = b"\1\0\2" + struct.pack(">HHH", 9, 0, 16) + bytes.fromhex("010080 020080 0700c0") + os.urandom(16)
        with self.echo_server() as server:
            said = answer(server.endpoint, struct.pack(">H", 0x8000 | len(body)) + body)
            self.assertIn(said, (("end",), ("protocol_version",), ("handshake_failure",)))

    def test_each_weak_suite_is_refused(self):
        for pair in (self.pair, self.made.rsa_server()):
            with self.echo_server(pair) as server:
                for kind, suites in WEAK.items():
                    for suite in suites:
                        with self.subTest(kind=kind, suite=hex(suite)):
                            said = answer(server.endpoint, record(HANDSHAKE, hello(suites=(suite, 0x00FF)), 0x0301))
                            self.assertEqual(len(said), 1, said)
                            self.assertIn(said[0], REFUSED)

    def test_a_client_that_has_only_sha_1_signatures_is_refused(self):
        sha_1 = extension(13, struct.pack(">HHHH", 6, 0x0203, 0x0201, 0x0202))
        with self.echo_server() as server:
            said = answer(server.endpoint, record(HANDSHAKE, hello(extensions=sha_1 + GROUPS + POINTS), 0x0301))
            self.assertIn(said[0], REFUSED)

    def test_a_client_that_has_only_small_groups_is_refused(self):
        small = extension(10, struct.pack(">HHH", 4, 0x0013, 0x0015))  # secp192r1, secp224r1
        with self.echo_server() as server:
            said = answer(server.endpoint, record(HANDSHAKE, hello(extensions=SIGNATURES + small + POINTS), 0x0301))
            self.assertIn(said[0], REFUSED)

    def test_a_fallback_is_noticed(self):
        """TLS_FALLBACK_SCSV (RFC 7507) from a client that says it tried better before."""
        with self.echo_server() as server:
            said = answer(server.endpoint, record(HANDSHAKE, hello(suites=(*GOOD_SUITES, 0x5600)), 0x0301))
            self.assertEqual(said, ("inappropriate_fallback",))

    def test_clients_that_speak_only_old_versions_are_told(self):
        with self.echo_server() as server:
            for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
                context = client_context(self.made.ca, version=version, weak=True)
                self.assertEqual(refusal(server.endpoint, context), "protocol_version")
            for version in BOTH:
                with connect(server.endpoint, client_context(self.made.ca, version=version)) as peer:
                    exchange(peer)

    def test_early_data_is_not_taken(self):
        with self.echo_server() as server, Library(server.endpoint, Library.TLS13) as first:
            first.call("do_handshake")
            first.write(framed(b"x"))
            self.assertEqual(first.read(5), framed(b"x"))
            session = first.session()
            self.assertEqual(Library.lib.SSL_SESSION_get_max_early_data(session), 0)
            Library.lib.SSL_SESSION_set_max_early_data(session, 1024)  # a client that tries all the same
            with Library(server.endpoint, Library.TLS13, session) as second:
                second.call("write_early_data", framed(b"early"), 9, ctypes.byref(ctypes.c_size_t()))
                second.call("do_handshake")
                self.assertEqual(second.call("get_early_data_status"), 1)  # SSL_EARLY_DATA_REJECTED
                second.write(framed(b"y"))
                self.assertEqual(second.read(5), framed(b"y"))


class Protocols(Test):
    def test_without_one_in_common_the_alert_says_so(self):
        with self.options_server(alpn="one,two") as server:
            for version in BOTH:
                context = client_context(self.made.ca, version=version, alpn=("three", "One", "tw"))
                self.assertEqual(answer(server.endpoint, first_flight(context)), ("no_application_protocol",))
            server.err.wait_for(r"127\.0\.0\.1:\d+: failed: no_application_protocol: .*")

    def test_openssl_s_client_is_told_alert_120(self):
        with self.options_server(alpn="http/1.1") as server:
            done = subprocess.run(["openssl", "s_client", "-alpn", "h2", "-connect", server.endpoint.partition("://")[2]],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
            self.assertIn(b"SSL alert number 120", done.stderr)

    def test_the_server_s_order_decides_and_a_client_that_offers_none_is_served(self):
        with self.options_server(alpn="one,two") as server:
            for offered, chosen in ((("two", "one"), "one"), (("two",), "two"), ((), None)):
                with connect(server.endpoint, client_context(self.made.ca, alpn=offered)) as peer:
                    self.assertEqual(peer.selected_alpn_protocol(), chosen)
                    exchange(peer)
        with self.options_server() as server, connect(server.endpoint, client_context(self.made.ca, alpn=("x",))) as peer:
            self.assertEqual(peer.selected_alpn_protocol(), None)
            exchange(peer)


class Exceptions(Test):
    TIMES = 1000 if SANITIZED else 10_000

    def test_one_in_each_function_that_openssl_calls_back_ends_that_handshake_alone(self):
        """Allocations throw there, in the choice of a name, of a protocol, and in the words of a certificate's refusal."""
        long = "a-name-that-no-short-string-holds.and-one-more-label.example"
        pair = self.made.server(names=("localhost", long))
        with self.options_server(alpn="x", clients="optional", ca=self.made.ca, throw=5,
                                 **{f"sni:*.{long.partition('.')[2]}": f"{pair.certificate},{pair.key}"}) as server:
            idle = len(descriptors(server.pid))
            contexts = [client_context(self.made.ca, self.made.client(fault), version, ("x",), weak=True)
                        for fault in (None, "expired", "wrong CA") for version in BOTH]
            refused = 0
            for number in range(self.TIMES):
                refused += refusal_or_echo(server.endpoint, contexts[number % len(contexts)], long) is not None
            self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == idle))
            self.assertEqual(server.stop(), 0)
            thrown = int(server.err.wait_for(r"live 0, handled \d+, thrown (\d+)")[1])
            print(f"{thrown} exceptions in {self.TIMES} handshakes, {refused} of which failed")
            self.assertGreater(thrown, self.TIMES // 20)
            self.assertGreater(refused, self.TIMES * 2 // 3 + self.TIMES // 50)  # good ones failed too


def refusal_or_echo(where, context, name):
    """None if a frame comes back."""
    try:
        with connect(where, context, name) as peer:
            exchange(peer)
    except (OSError, AssertionError) as error:
        return error
    return None


class Noise(Test):
    def test_hellos_with_any_byte_changed_are_answered_or_refused(self):
        seed = int(os.environ.get("HAWSER_SEED", random.randrange(2**32)))
        print(f"changed hellos: HAWSER_SEED={seed}", flush=True)
        draw = random.Random(seed)
        whole = record(HANDSHAKE, hello(extensions=server_name(b"localhost") + SIGNATURES + GROUPS + POINTS +
                                        NO_RENEGOTIATION + extension(16, b"\0\3\2h2")), 0x0301)
        with self.options_server(alpn="h2,x") as server:
            idle = len(descriptors(server.pid))
            for _ in range(200 if SANITIZED else 1000):
                changed = bytearray(whole)
                for _ in range(draw.randrange(1, 4)):
                    changed[draw.randrange(5, len(changed))] = draw.randrange(256)
                changed[3:5] = (len(changed) - 5).to_bytes(2, "big")
                self.assertTrue(answer(server.endpoint, bytes(changed), last=True))
            with connect(server.endpoint, client_context(self.made.ca)) as peer:
                exchange(peer)
            self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == idle))
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
