# SPDX-License-Identifier: BSL-1.0
"""A TLS stream's life: truncation, ends that nobody answers, renegotiation, floods of key updates, facts of the session."""
import os
import socket
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

from certificates import Certificates
from kernel import eventually, sockets
from process import PATIENCE, Server, abort, exchange, framed, receive, run
from tls import Library, StandIn, Wire, client_context, connect, cut, end_of, server_context

TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
SANITIZED = os.environ["HAWSER_BUILD"] in ("asan", "tsan")
CUTS = 100 if SANITIZED else 1000
BOTH = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = Certificates(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.pair = cls.made.server()

    def options_server(self, handler, **options):
        given = {"cert": self.pair.certificate, "key": self.pair.key, **options}
        return Server("tls_options_server", handler, *(f"{name}={value}" for name, value in given.items()),
                      directory=TEST_PROGRAMS)

    def echo_server(self, *arguments):
        return Server("echo_server", "--quiet", "--cert", self.pair.certificate, "--key", self.pair.key, *arguments,
                      "tls://127.0.0.1:0")

    def context(self, version=None):
        return client_context(self.made.ca, version=version)


class Programs(Test):
    def test_the_programs_talk_to_each_other(self):
        for mode in ("bytes", "frames"):
            with self.subTest(mode), self.echo_server("--mode", mode) as server:
                self.assertRegex(server.endpoint, r"^tls://127\.0\.0\.1:\d+$")
                for host in ("localhost", "127.0.0.1"):
                    where = server.endpoint.replace("127.0.0.1", host)
                    status, out, err = run("echo_client", "--mode", mode, "--cacert", self.made.ca, where, "one", "-",
                                           input=b"x" * 1_000_000)
                    self.assertEqual((status, out[0], len(out), err), (0, 'received "one"', 2, []))
                self.assertEqual(server.stop(), 0)

    def test_the_programs_for_many_connections_do(self):
        with Server("multi_server", "--cert", self.pair.certificate, "--key", self.pair.key, "tls://127.0.0.1:0") as server:
            status, out, err = run("multi_client", "--cacert", self.made.ca, server.endpoint, "20")
            self.assertEqual((status, err), (0, []))
            self.assertEqual(len([line for line in out if line.startswith("closing connection ")]), 20)
            server.err.wait_for(r"closing connection to 127\.0\.0\.1:\d+", 20)
            self.assertEqual(server.stop(), 0)

    def test_frames_and_long_streams_come_back_the_same_in_both_versions(self):
        with self.echo_server("--mode", "frames") as server:
            for version in BOTH:
                with self.subTest(version.name), connect(server.endpoint, self.context(version)) as peer:
                    self.assertEqual(peer.version(), {BOTH[0]: "TLSv1.2", BOTH[1]: "TLSv1.3"}[version])
                    for size in (0, 1, 4096, 16383, 16384, 16385, 100_000, 1 << 20):
                        exchange(peer, os.urandom(size))

    def test_a_drain_ends_idle_sessions_with_tls_s_own_end(self):
        with self.echo_server("--mode", "frames") as server:
            peers = [connect(server.endpoint, self.context(version)) for version in BOTH * 5]
            for peer in peers:
                exchange(peer)
            server.signal(15)
            for peer in peers:
                self.assertEqual(peer.recv(1), b"")  # a truncated stream would raise
                peer.close()
            self.assertEqual(server.wait(), 0)

    def test_a_pair_made_as_the_error_says_serves(self):
        with tempfile.TemporaryDirectory() as folder:
            status, out, err = run("echo_server", "tls://127.0.0.1:0")
            self.assertEqual((status, out, len(err)), (2, [], 1))
            command = err[0][err[0].index("openssl req"):]
            subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
            with Server("echo_server", "--quiet", "--cert", f"{folder}/server.pem", "--key", f"{folder}/server.key",
                        "tls://127.0.0.1:0") as server:
                for host in ("localhost", "127.0.0.1"):
                    self.assertEqual(run("echo_client", "--cacert", f"{folder}/server.pem",
                                         server.endpoint.replace("127.0.0.1", host)),
                                     (0, ['received "Hello, world"'], []))


class Truncation(Test):
    def ends(self, handler, sent, leave, times=CUTS):
        """So many sessions that end like that: the lines that the handlers say."""
        with self.options_server(handler) as server:
            idle = len(sockets(server.pid))
            for number in range(times):
                with connect(server.endpoint, self.context(BOTH[number % 2])) as peer:
                    peer.sendall(sent)
                    leave(peer)
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
            self.assertEqual(server.stop(), 0)
            return [line for line in server.err.all() if ", " in line and line.split()[1] in ("frames,", "bytes,")]

    def cut(self, peer):
        cut(peer)
        end_of(peer)

    def test_a_thousand_streams_without_tls_s_own_end_are_reported_truncated(self):
        self.assertEqual(self.ends("count", 2 * framed(b"whole"), self.cut), ["2 frames, stream_truncated"] * CUTS)

    def test_a_thousand_bodies_without_a_length_are(self):
        self.assertEqual(self.ends("count_bytes", bytes(1000), self.cut), ["1000 bytes, stream_truncated"] * CUTS)

    def test_those_that_end_as_they_should_are_not(self):
        def leave(peer):
            peer.unwrap().close()

        self.assertEqual(self.ends("count", 2 * framed(b"whole"), leave, 100), ["2 frames, clean"] * 100)
        self.assertEqual(self.ends("count_bytes", bytes(1000), leave, 100), ["1000 bytes, complete"] * 100)

    def test_our_client_says_so(self):
        def half(peer):
            receive(peer, 5)
            cut(peer)

        with StandIn(server_context(self.pair), converse=half) as server:
            for mode, text in (("frames", "a"), ("bytes", "Hello")):
                status, out, err = run("echo_client", "--mode", mode, "--cacert", self.made.ca,
                                       f"tls://localhost:{server.port}", text)
                self.assertEqual((status, out, len(err)), (1, [], 1))
                self.assertIn(f"tls://localhost:{server.port}: stream_truncated: ", err[0])

    def test_a_cut_inside_a_record_is_a_truncation_too(self):
        with self.options_server("count") as server:
            with Wire(server.endpoint, self.context()) as wire:
                wire.shake()
                wire.plain.sendall(wire.sealed(framed(b"whole")) + wire.sealed(framed(b"torn"))[:-1])
                wire.plain.shutdown(socket.SHUT_WR)
                end_of(wire.plain)
            server.err.wait_for("1 frames, stream_truncated")


class Ends(Test):
    """That it takes two seconds, and none where the peer answers, is seen on a manual clock in transport/tls_stream_test."""

    def test_a_close_that_is_never_answered_ends(self):
        with self.options_server("greet") as server:
            idle = len(sockets(server.pid))
            for version in BOTH:
                with self.subTest(version.name), connect(server.endpoint, self.context(version)) as peer:
                    self.assertEqual(receive(peer, 11), framed(b"welcome"))
                    self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))

    def test_a_peer_that_takes_nothing_does_not_hold_the_end_up(self):
        with self.options_server("greet") as server:
            idle = len(sockets(server.pid))
            with Wire(server.endpoint, self.context()) as wire:
                wire.plain.sendall(wire.shake(last=True))
                self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
            self.assertEqual(server.stop(), 0)
            self.assertIn("live 0, handled 1, thrown 0", server.err.all())

    def test_a_close_that_is_answered_ends_too(self):
        with self.options_server("greet") as server:
            idle = len(sockets(server.pid))
            for version in BOTH:
                with connect(server.endpoint, self.context(version)) as peer:
                    self.assertEqual(receive(peer, 11), framed(b"welcome"))
                    self.assertEqual(peer.recv(1), b"")
                    peer.unwrap().close()
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))

    def test_resets_in_each_flight_of_the_handshake_leave_nothing(self):
        with self.echo_server("--mode", "frames") as server:
            idle = len(sockets(server.pid))
            for version in BOTH:
                for flight in range(4):
                    for _ in range(10):
                        wire = Wire(server.endpoint, self.context(version))
                        if flight == 1:
                            wire.plain.sendall(wire.flight()[:40])
                        elif flight == 2:
                            wire.plain.sendall(wire.flight())
                            wire.take()
                        elif flight == 3:
                            wire.plain.sendall(wire.shake(last=True)[:-1])
                        abort(wire.plain)
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
            with connect(server.endpoint, self.context()) as peer:
                exchange(peer)
            self.assertEqual(server.stop(), 0)


class Renegotiation(Test):
    def test_it_is_refused_and_said_so(self):
        with self.echo_server("--mode", "frames") as server, Library(server.endpoint, Library.TLS12) as peer:
            peer.call("do_handshake")
            peer.write(framed(b"before"))
            self.assertEqual(peer.read(10), framed(b"before"))
            peer.call("renegotiate")
            with self.assertRaisesRegex(OSError, "no renegotiation"):
                peer.call("do_handshake")
                peer.read(1)

    def test_openssl_s_client_is_told_no_renegotiation(self):
        with self.echo_server() as server:
            done = subprocess.run(["openssl", "s_client", "-tls1_2", "-connect", server.endpoint.partition("://")[2]],
                                  input=b"R\n", capture_output=True, timeout=PATIENCE)
            self.assertIn(b"no renegotiation", done.stderr)

    def test_a_flood_of_attempts_ends_the_connection(self):
        with self.echo_server("--mode", "frames") as server, Library(server.endpoint, Library.TLS12) as peer:
            peer.call("do_handshake")
            with self.assertRaises(OSError):
                for _ in range(1000):
                    peer.call("renegotiate")
                    peer.call("do_handshake")
                    peer.write(framed(b"x"))
                    peer.read(5)


class KeyUpdates(Test):
    def test_a_few_are_followed(self):
        with self.echo_server("--mode", "frames") as server, Library(server.endpoint, Library.TLS13) as peer:
            peer.call("do_handshake")
            for request in (0, 1) * 4:
                peer.call("key_update", request)
                peer.write(framed(b"after"))
                self.assertEqual(peer.read(9), framed(b"after"))

    def test_ten_thousand_end_the_connection_at_the_33rd(self):
        for request in (False, True):
            with self.subTest(request=request), self.echo_server("--mode", "frames", "--threads", "1") as server:
                idle = len(sockets(server.pid))
                with Library(server.endpoint, Library.TLS13) as peer:
                    peer.call("do_handshake")
                    peer.update_keys(10_000, request)
                    self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
                server.err.wait_for(r".*: failed: .*more than 32 handshake messages \(KeyUpdate\).*")
                with connect(server.endpoint, self.context()) as polite:
                    exchange(polite)


class Facts(Test):
    def ask(self, peer):
        peer.sendall(framed(b"?"))
        size = int.from_bytes(receive(peer, 4), "big")
        return receive(peer, size).decode().split("\n")

    def test_they_are_those_of_the_peer_s_own(self):
        with self.options_server("facts", alpn="one,two", clients="optional", ca=self.made.ca) as server:
            for version in BOTH:
                context = client_context(self.made.ca, version=version, alpn=("zero", "two"))
                with self.subTest(version.name), connect(server.endpoint, context) as peer:
                    said = self.ask(peer)
                    self.assertEqual((said[0], said[2:]), (peer.version(), ["two", "localhost", "whole", ""]))
                    self.assertEqual(peer.selected_alpn_protocol(), "two")
                    session = peer.session
                    peer.unwrap().close()
                with connect(server.endpoint, context, session=session) as peer:
                    said = self.ask(peer)
                    self.assertTrue(peer.session_reused)
                    self.assertEqual((said[0], said[2:]), (peer.version(), ["two", "localhost", "resumed", ""]))
            with connect(server.endpoint, client_context(self.made.ca, self.made.client())) as peer:
                self.assertEqual(self.ask(peer)[2:], ["", "localhost", "whole", "CN=A Client"])

    def test_each_name_is_shown_its_own_certificate(self):
        first = self.made.server(names=("first.example",), subject="first")
        starred = self.made.server(names=("*.second.example",), subject="second")
        with self.options_server("facts", **{"sni:first.example": f"{first.certificate},{first.key}",
                                             "sni:*.second.example": f"{starred.certificate},{starred.key}"}) as server:
            for name in ("first.example", "FIRST.example", "a.second.example", "localhost"):
                with self.subTest(name), connect(server.endpoint, self.context(), name=name) as peer:
                    self.assertEqual(self.ask(peer)[3], name)
            for name in ("other.example", "a.b.second.example", "second.example"):
                with self.subTest(name), self.assertRaises(ssl.SSLCertVerificationError):
                    connect(server.endpoint, self.context(), name=name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
