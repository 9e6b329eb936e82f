# SPDX-License-Identifier: BSL-1.0
"""Hellos and records that no client sends: bounded while they last, and ended with the alert that the RFCs name."""
import os
import ssl
import struct
import tempfile
import unittest
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from certificates import Certificates
from kernel import eventually, resident, sockets
from process import Server, exchange, framed
from tls import (ALERT, APPLICATION, GROUPS, HANDSHAKE, NO_RENEGOTIATION, POINTS, SIGNATURES, Wire, answer,
                 client_context, connect, extension, first_flight, hello, record, records, server_name)

SANITIZED = os.environ["HAWSER_BUILD"] in ("asan", "tsan")
KIB = 1024
AT_ONCE = 200
BOTH = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
USUAL = SIGNATURES + GROUPS + POINTS + NO_RENEGOTIATION
PADDING = 21  # RFC 7685


class Test(unittest.TestCase):
    def setUp(self):
        self.made = Certificates(self.enterContext(tempfile.TemporaryDirectory()))
        pair = self.made.server()
        self.server = self.enterContext(Server("echo_server", "--mode", "frames", "--quiet", "--cert", pair.certificate,
                                               "--key", pair.key, "tls://127.0.0.1:0"))
        self.idle = len(sockets(self.server.pid))
        self.addCleanup(self.check_server)  # when the test's own clients have gone

    def check_server(self):
        with connect(self.server.endpoint, client_context(self.made.ca)) as peer:
            exchange(peer)
        self.assertTrue(eventually(lambda: len(sockets(self.server.pid)) == self.idle))
        self.assertEqual(self.server.stop(), 0)


class Hellos(Test):
    def costs(self, octets):
        """So many clients that have sent this and nothing else: what each makes the server hold."""
        with connect(self.server.endpoint, client_context(self.made.ca)) as peer:
            exchange(peer)
        before = resident(self.server.pid)
        peers = [self.server.connect() for _ in range(AT_ONCE)]
        try:
            for peer in peers:
                peer.sendall(octets)
            most = 0
            for _ in range(50):
                most = max(most, (resident(self.server.pid) - before) / AT_ONCE)
                eventually(lambda: False, 0.02)
        finally:
            for peer in peers:
                peer.close()
        print(f"{most / KIB:.1f} KiB for each")
        if not SANITIZED:
            self.assertLessEqual(most, 64 * KIB)

    def in_pieces(self, message, size, version=0x0301):
        return b"".join(record(HANDSHAKE, message[at:at + size], version) for at in range(0, len(message), size))

    def test_one_in_records_of_one_byte_is_served(self):
        for version in BOTH:
            context = client_context(self.made.ca, version=version)
            with self.subTest(version.name), Wire(self.server.endpoint, context) as wire:
                message = next(records(wire.flight()))[1]
                wire.plain.sendall(self.in_pieces(message, 1))
                wire.take()
                wire.shake()
                wire.plain.sendall(wire.sealed(framed(b"x")))
                self.assertEqual(wire.read(5), framed(b"x"))

    def test_one_of_64_kib_is_bounded(self):
        message = hello(extensions=extension(PADDING, bytes(64 * KIB - 300)) + USUAL)
        said = answer(self.server.endpoint, self.in_pieces(message, 16 * KIB))
        self.assertIn(said[0], ("server hello", "illegal_parameter", "decode_error", "handshake_failure", "record_overflow"))
        self.costs(self.in_pieces(message, 16 * KIB)[:-1])

    def announce(self, size):
        head = b"\1" + size.to_bytes(3, "big")
        self.costs(record(HANDSHAKE, head, 0x0301))
        self.costs(self.in_pieces(head, 1))

    def test_nine_bytes_that_announce_128_kib(self):
        self.announce(131_396)  # the most that OpenSSL takes

    def test_nine_bytes_that_announce_32_kib(self):
        self.announce(32 * KIB)

    def test_nine_bytes_that_announce_16_mib(self):
        self.announce((1 << 24) - 1)

    def test_a_thousand_extensions(self):
        many = b"".join(extension(0x4000 + number, b"") for number in range(1000))
        self.assertEqual(answer(self.server.endpoint, self.in_pieces(hello(extensions=USUAL + many), 16 * KIB))[0],
                         "server hello")
        twice = extension(0x4000, b"") * 1000
        self.assertIn(answer(self.server.endpoint, self.in_pieces(hello(extensions=USUAL + twice), 16 * KIB))[0],
                      ("illegal_parameter", "decode_error", "server hello"))  # unknown ones may be passed over
        known = hello(extensions=USUAL + GROUPS)
        self.assertIn(answer(self.server.endpoint, self.in_pieces(known, 16 * KIB))[0], ("illegal_parameter", "decode_error"))

    def test_names_that_are_none(self):
        for name, alerts in ((b"a" * 256, ("unrecognized_name", "decode_error")),
                             (b"a" * (64 * KIB - 400), ("illegal_parameter",)),  # of the whole hello
                             (b"local\0host", ("unrecognized_name", "decode_error")),
                             (b"", ("decode_error", "server hello"))):  # OpenSSL takes it for no name
            with self.subTest(name=name[:12], size=len(name)):
                message = hello(extensions=server_name(name) + USUAL)
                self.assertIn(answer(self.server.endpoint, self.in_pieces(message, 16 * KIB))[0], alerts)

    def test_a_flood_of_empty_records_is_ended(self):
        whole = first_flight(client_context(self.made.ca))
        for before, after in ((b"", whole), (whole[:5 + 40], b"")):
            with self.subTest(inside=bool(before)):
                if before:
                    before = record(HANDSHAKE, before[5:], 0x0301)
                said = answer(self.server.endpoint, before + record(HANDSHAKE, b"", 0x0301) * 1000 + after)
                self.assertIn(said[0], ("unexpected_message", "decode_error", "end"))


class Sealer:
    """Seals records of TLS 1.3 as the client does (RFC 8446, 5.2), with any inner type and padding."""

    def __init__(self, secret, cipher):
        digest, size, self.aead = {"TLS_AES_128_GCM_SHA256": (hashes.SHA256(), 16, AESGCM),
                                   "TLS_AES_256_GCM_SHA384": (hashes.SHA384(), 32, AESGCM),
                                   "TLS_CHACHA20_POLY1305_SHA256": (hashes.SHA256(), 32, ChaCha20Poly1305)}[cipher]

        def expand(label, length):
            full = b"tls13 " + label
            info = struct.pack(">HB", length, len(full)) + full + b"\0"
            return HKDFExpand(digest, length, info).derive(secret)

        self.aead, self.iv, self.number = self.aead(expand(b"key", size)), expand(b"iv", 12), 0

    def __call__(self, inner):
        nonce = (int.from_bytes(self.iv, "big") ^ self.number).to_bytes(12, "big")
        self.number += 1
        head = struct.pack(">BHH", APPLICATION, 0x0303, len(inner) + 16)
        return head + self.aead.encrypt(nonce, inner, head)


class Records(Test):
    def established(self, version, **options):
        context = client_context(self.made.ca, version=version)
        for name, value in options.items():
            setattr(context, name, value)
        wire = self.enterContext(Wire(self.server.endpoint, context))
        wire.shake()
        wire.plain.sendall(wire.sealed(framed(b"first")))
        self.assertEqual(wire.read(9), framed(b"first"))
        return wire

    def ends(self, version, change, *alerts):
        """An established session that sends what `change` makes of a good record."""
        wire = self.established(version)
        wire.plain.sendall(change(wire.sealed(framed(b"second"))))
        with self.subTest(version.name):
            self.assertIn(wire.alert(), alerts)

    def test_a_record_with_a_bit_changed(self):
        for version in BOTH:
            for at in (5, 12, 20, -1):
                def flip(good, at=at):
                    bad = bytearray(good)
                    bad[at] ^= 1
                    return bytes(bad)

                self.ends(version, flip, "bad_record_mac")

    def test_a_record_twice(self):
        for version in BOTH:
            self.ends(version, lambda good: good + good, "bad_record_mac")

    def test_a_record_that_is_too_long(self):
        for version, most in zip(BOTH, (16384 + 2048, 16384 + 256)):
            self.ends(version, lambda good: record(APPLICATION, bytes(most + 1)), "record_overflow")

    def test_a_record_that_is_too_short_for_its_tag(self):
        for version in BOTH:
            self.ends(version, lambda good: record(APPLICATION, b""), "bad_record_mac", "decode_error", "unexpected_message",
                      "record_overflow")
            self.ends(version, lambda good: record(APPLICATION, b"short"), "bad_record_mac", "decode_error",
                      "record_overflow")

    def test_a_record_of_a_type_that_is_none(self):
        for version in BOTH:
            for kind in (0, 19, 24, 99, 255):
                self.ends(version, lambda good: bytes((kind,)) + good[1:], "unexpected_message", "bad_record_mac")

    def test_a_record_in_the_clear(self):
        for kind in (ALERT, HANDSHAKE):
            self.ends(BOTH[1], lambda good: record(kind, b"\2\x28"), "unexpected_message", "bad_record_mac")

    def test_application_data_before_the_end_of_the_handshake(self):
        for version in BOTH:
            with Wire(self.server.endpoint, client_context(self.made.ca, version=version)) as wire:
                wire.plain.sendall(wire.flight())
                wire.take()
                wire.plain.sendall(record(APPLICATION, bytes(64)))
                self.assertIn(wire.alert(), ("unexpected_message", "bad_record_mac"))

    def sealer(self):
        with tempfile.NamedTemporaryFile("r") as log:
            wire = self.established(BOTH[1], keylog_filename=log.name)
            secrets = dict(line.split(" ", 1) for line in Path(log.name).read_text().splitlines() if line[:1] != "#")
        seal = Sealer(bytes.fromhex(secrets["CLIENT_TRAFFIC_SECRET_0"].split()[1]), wire.tls.cipher()[0])
        seal.number = 1  # the first frame
        return wire, seal

    def test_what_is_sealed_rightly_and_says_nothing_right(self):
        for name, inner, alerts in (
                ("nothing but padding", bytes(32), ("unexpected_message",)),
                ("nothing at all", b"", ("unexpected_message", "decode_error", "bad_record_mac")),
                ("a type that is none", b"x\x63", ("unexpected_message",)),
                ("a change of cipher", b"\1\x14", ("unexpected_message",)),
                ("more than 16 KiB", bytes(16385) + b"\x17", ("record_overflow",)),
                ("an empty handshake message's record", b"\x16", ("unexpected_message", "decode_error")),
                ("an empty alert", b"\x15", ("unexpected_message", "decode_error")),
                ("a ClientHello", hello() + b"\x16", ("unexpected_message", "illegal_parameter")),
                ("a key update that asks for a third thing", b"\x18\0\0\1\2\x16", ("illegal_parameter",)),
                ("a key update of no bytes", b"\x18\0\0\0\x16", ("decode_error",)),
                ("a certificate that nobody asked for", b"\x0b\0\0\4\0\0\0\0\x16", ("unexpected_message",))):
            with self.subTest(name):
                wire, seal = self.sealer()
                wire.plain.sendall(seal(inner))
                self.assertIn(wire.alert(), alerts)

    def test_what_is_sealed_rightly_and_padded_is_served(self):
        wire, seal = self.sealer()
        for padding in (0, 1, 1000):
            wire.plain.sendall(seal(framed(b"padded") + b"\x17" + bytes(padding)))
            self.assertEqual(wire.read(10), framed(b"padded"))

    def test_a_message_interleaved_with_data(self):
        wire, seal = self.sealer()
        wire.plain.sendall(seal(b"\x18\0\x16") + seal(framed(b"between") + b"\x17") + seal(b"\0\1\0\x16"))
        self.assertIn(wire.alert(), ("unexpected_message",))

    def test_a_flood_of_empty_records_of_data_is_ended_or_costs_no_more_than_its_sender(self):
        wire, seal = self.sealer()
        flood = b"".join(seal(b"\x17") for _ in range(10_000))
        try:
            wire.plain.sendall(flood)
            wire.plain.sendall(seal(framed(b"still there") + b"\x17"))
        except ConnectionError:
            return
        try:
            self.assertEqual(wire.read(15), framed(b"still there"))
        except ssl.SSLError as error:
            self.assertIn("ALERT", error.reason)
        except (AssertionError, ConnectionError):
            pass


if __name__ == "__main__":
    unittest.main(verbosity=2)
