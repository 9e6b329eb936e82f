# SPDX-License-Identifier: BSL-1.0
"""SIGHUP: the pair is loaded anew, or the old one kept; nobody who is connected notices."""
import signal
import ssl
import tempfile
import unittest

from certificates import Certificates, Pair, swap
from kernel import descriptors, eventually
from process import Server, exchange
from tls import Wire, client_context, connect

LOADED = "certificates loaded anew for 1 listener"
KEPT = "certificates not loaded anew, the old ones stay: "


class Test(unittest.TestCase):
    def setUp(self):
        self.made = Certificates(self.enterContext(tempfile.TemporaryDirectory()))
        first = self.made.server()
        self.pair = Pair(self.made.folder / "live.pem", self.made.folder / "live.key")
        self.pair.certificate.touch()
        self.pair.key.touch()
        swap(self.pair, first)

    def start(self, *arguments):
        return self.enterContext(Server("echo_server", "--mode", "frames", "--quiet", "--cert", self.pair.certificate,
                                        "--key", self.pair.key, *arguments, "tls://127.0.0.1:0"))

    def serial(self, server):
        """The number of the certificate that a newcomer sees, after an exchange of a frame."""
        with connect(server.endpoint, client_context(self.made.ca)) as peer:
            exchange(peer)
            return peer.getpeercert()["serialNumber"]


class Reload(Test):
    def test_a_new_pair_is_used_for_newcomers_and_the_connected_are_left_alone(self):
        server = self.start()
        old = self.serial(server)
        with connect(server.endpoint, client_context(self.made.ca)) as connected:
            exchange(connected)
            swap(self.pair, self.made.server(fresh=True))
            self.assertEqual(self.serial(server), old)
            server.signal(signal.SIGHUP)
            server.err.wait_for(LOADED)
            self.assertNotEqual(self.serial(server), old)
            exchange(connected)
        self.assertEqual(server.stop(), 0)
        self.assertEqual([line for line in server.err.all() if "loaded anew" in line], [LOADED])

    def test_one_whose_handshake_has_begun_gets_an_answer_too(self):
        server = self.start()
        with Wire(server.endpoint, client_context(self.made.ca)) as wire:
            hello = wire.flight()
            wire.plain.sendall(hello[:50])
            swap(self.pair, self.made.server(fresh=True))
            server.signal(signal.SIGHUP)
            server.err.wait_for(LOADED)
            wire.plain.sendall(hello[50:])
            wire.shake()
            wire.plain.sendall(wire.sealed(b"\0\0\0\1x"))
            self.assertEqual(wire.read(5), b"\0\0\0\1x")

    def test_a_bad_pair_is_reported_and_the_old_one_kept(self):
        bad = {"expired": self.made.server("expired"), "not valid before": self.made.server("not yet valid"),
               "live.key": self.made.mismatched()}
        for word, pair in bad.items():
            with self.subTest(word):
                swap(self.pair, self.made.server())
                server = self.start()
                old = self.serial(server)
                with connect(server.endpoint, client_context(self.made.ca)) as connected:
                    swap(self.pair, pair)
                    server.signal(signal.SIGHUP)
                    line = server.err.wait_for(KEPT + ".*")[0]
                    self.assertIn(word, line)
                    self.assertIn(str(self.made.folder), line)
                    for _ in range(20):
                        self.assertEqual(self.serial(server), old)
                        exchange(connected)
                self.assertEqual(server.stop(), 0)
                self.assertEqual(len([line for line in server.err.all() if "loaded anew" in line]), 1)

    def test_files_that_have_gone_are_reported_and_the_old_pair_kept(self):
        server = self.start()
        old = self.serial(server)
        self.pair.key.unlink()
        server.signal(signal.SIGHUP)
        self.assertIn(str(self.pair.key), server.err.wait_for(KEPT + ".*ENOENT.*")[0])
        self.assertEqual(self.serial(server), old)
        self.assertEqual(server.stop(), 0)

    def test_a_bad_reload_is_followed_by_a_good_one(self):
        server = self.start()
        old = self.serial(server)
        swap(self.pair, self.made.mismatched())
        server.signal(signal.SIGHUP)
        server.err.wait_for(KEPT + ".*")
        swap(self.pair, self.made.server(fresh=True))
        server.signal(signal.SIGHUP)
        server.err.wait_for(LOADED)
        self.assertNotEqual(self.serial(server), old)

    def test_a_session_of_before_is_not_resumed_and_its_holder_is_served(self):
        server = self.start()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client_context(self.made.ca, version=version)
            with connect(server.endpoint, context) as peer:
                exchange(peer)
                session = peer.session
            with connect(server.endpoint, context, session=session) as peer:
                self.assertTrue(peer.session_reused)
            server.signal(signal.SIGHUP)
            self.assertTrue(eventually(lambda: self.is_whole(server, context, session)))

    def is_whole(self, server, context, session):
        with connect(server.endpoint, context, session=session) as peer:
            exchange(peer)
            return not peer.session_reused


class Storm(Test):
    def test_any_number_of_signals_is_one_reload_at_a_time_and_nobody_is_refused(self):
        server = self.start()
        idle = len(descriptors(server.pid))
        old = self.serial(server)
        context = client_context(self.made.ca)
        with connect(server.endpoint, context) as connected:
            for number in range(2000):
                server.signal(signal.SIGHUP)
                if number % 50 == 0:
                    exchange(connected)
                    self.assertEqual(self.serial(server), old)
            self.assertEqual([line for line in server.err.seen if KEPT in line], [])
            swap(self.pair, self.made.server(fresh=True))
            server.signal(signal.SIGHUP)
            self.assertTrue(eventually(lambda: self.serial(server) != old))
        self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == idle))
        self.assertEqual(server.stop(), 0)

    def test_signals_during_the_start_and_the_drain_end_nothing_early(self):
        for _ in range(20):
            server = Server("echo_server", "--mode", "frames", "--quiet", "-v", "--cert", self.pair.certificate, "--key",
                            self.pair.key, "tls://127.0.0.1:0")
            with server:
                for _ in range(5):
                    server.signal(signal.SIGHUP)
                self.serial(server)
                server.signal(signal.SIGTERM)
                server.signal(signal.SIGHUP)
                self.assertEqual(server.wait(), 0)

    def test_without_tls_sighup_ends_the_process_as_it_always_has(self):
        with Server("echo_server", "tcp://127.0.0.1:0") as server:
            self.assertEqual(server.stop(signal.SIGHUP), -signal.SIGHUP)


if __name__ == "__main__":
    unittest.main(verbosity=2)
