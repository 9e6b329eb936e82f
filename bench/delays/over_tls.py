# SPDX-License-Identifier: BSL-1.0
"""How soon a server over TLS closes what is not TLS, refuses a pair, cuts slow handshakes, ends and reloads."""
import multiprocessing
import signal
import statistics
import subprocess
import tempfile
import time
import unittest

from certificates import Certificates, Pair, swap
from delays import Delays, seconds
from kernel import eventually, processor_time, sockets
from process import PATIENCE, Server, exchange, run
from slow_handshakes import DEADLINE, SlowHandshakes
from tls import Library, Newcomers, Wire, client_context, connect, end_of, first_flight, hello, record

TIMES = 100
ANY_PORT = "tls://127.0.0.1:0"


class Test(Delays):
    @classmethod
    def setUpClass(cls):
        cls.made = Certificates(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.pair = cls.made.server()
        cls.context = client_context(cls.made.ca)

    def server(self, *arguments, program="echo_server", pair=None):
        pair = pair or self.pair
        return self.enterContext(Server(program, "--quiet", *arguments, "--cert", pair.certificate, "--key", pair.key,
                                        ANY_PORT))


class Closings(Test):
    """Of a hundred connections the 99th takes 20 ms at most."""

    def closed(self, server, sent, what):
        def to_the_end():
            with server.connect() as peer:
                peer.sendall(sent)
                end_of(peer)

        taken = sorted(seconds(to_the_end) for _ in range(TIMES))
        self.at_most(0.020, taken[TIMES * 99 // 100 - 1], what)

    def test_plaintext_on_a_tls_port_is_closed_at_once(self):
        for sent in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
                     b"\0\0\0\x0bhello world", b"G"):
            with self.subTest(sent):
                self.closed(self.server("--mode", "frames"), sent, repr(sent))

    def test_a_hello_on_a_plaintext_port_is_closed_at_once(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
            self.closed(server, record(22, hello(), 0x0301), "a ClientHello")

    def test_openssl_s_client_is_closed_by_a_plaintext_port_within_a_second(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
            command = ["openssl", "s_client", "-connect", server.endpoint.partition("://")[2]]
            self.at_most(1, seconds(lambda: subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                                           timeout=PATIENCE)))


class Starts(Test):
    def test_a_pair_that_cannot_be_used_is_refused_within_100_ms(self):
        good = self.made.server()
        for name, pair in (("expired", self.made.server("expired")), ("mismatched", self.made.mismatched()),
                           ("missing", Pair(self.made.folder / "none.pem", good.key)),
                           ("RSA-1024", self.made.client("RSA-1024"))):
            with self.subTest(name):
                def start():
                    self.assertEqual(run("echo_server", "--cert", pair.certificate, "--key", pair.key, ANY_PORT)[0], 2)

                self.at_most(0.100, statistics.median(seconds(start) for _ in range(5)), name)


def be_polite(endpoint, ca, ended, told):
    """Exchanges a hundred frames a second, and connects anew for each hundredth; tells the delays and the failures."""
    context = client_context(ca)
    delays, failures, peer = [], [], None
    while not ended.wait(0.01):
        try:
            begin = time.monotonic()
            if not peer or len(delays) % 100 == 0:
                peer = connect(endpoint, context, source="127.0.0.9")
            exchange(peer)
            delays.append(time.monotonic() - begin)
        except (OSError, AssertionError) as error:
            failures.append(repr(error))
            peer = None
    told.send((delays, failures))


class Victim:
    """A polite client, a process of its own: the crowd of this one does not slow it down."""

    def __init__(self, endpoint, ca):
        processes = multiprocessing.get_context("spawn")
        self.ended = processes.Event()
        self.told, teller = processes.Pipe(False)
        self.process = processes.Process(target=be_polite, args=(endpoint, str(ca), self.ended, teller))
        self.process.start()
        self.delays, self.failures = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        if self.told.poll(PATIENCE):
            self.delays, self.failures = self.told.recv()
        self.process.join()


class SlowOnes(Test):
    """Each is cut within a second of the deadline."""

    def cut(self, connect_all, every_second=lambda slow: None):
        with SlowHandshakes(self.server("--mode", "frames")) as slow:
            connect_all(slow)
            slow.gather_all(lambda: every_second(slow))
            self.assertEqual(slow.open, {})
            self.at_most(DEADLINE + 1, max(slow.taken), f"the last of {len(slow.taken)}")

    def test_silent_ones(self):
        self.cut(lambda slow: slow.connect(1000))

    def test_a_byte_a_second(self):
        octets = iter(first_flight(self.context))
        self.cut(lambda slow: slow.connect(1000), lambda slow: slow.send_to_each(bytes([next(octets)])))

    def test_nothing_after_the_hello(self):
        self.cut(lambda slow: slow.connect(1000, first_flight(self.context)))

    def test_nothing_before_the_finished_message(self):
        self.cut(lambda slow: slow.shake_hands_but_for_the_last_byte(1000, self.context))

    def test_a_polite_client_notices_nothing_of_ten_thousand_silent_ones(self):
        server = self.server("--mode", "frames")
        with Victim(server.endpoint, self.made.ca) as victim, SlowHandshakes(server) as slow:
            slow.connect(10_000)
            slow.gather_all()
            self.at_most(DEADLINE + 1, max(slow.taken), f"the last of {len(slow.taken)}")
        self.assertEqual(victim.failures, [])
        self.assertGreaterEqual(len(victim.delays), 500)
        self.at_most(0.050, statistics.quantiles(victim.delays, n=100)[98],
                     f"the 99th percentile of {len(victim.delays)}")


class Ends(Test):
    """daytime_server says one line and closes; it waits two seconds for the peer's answer to that."""

    def setUp(self):
        self.daytime = self.server(program="daytime_server")
        self.idle = len(sockets(self.daytime.pid))

    def until_it_is_closed(self):
        self.assertTrue(eventually(lambda: len(sockets(self.daytime.pid)) == self.idle))

    def test_a_close_that_is_never_answered_ends_within_four_seconds(self):
        with connect(self.daytime.endpoint, self.context) as peer:
            self.assertTrue(peer.recv(100))
            self.at_most(4, seconds(self.until_it_is_closed))

    def test_a_peer_that_takes_nothing_does_not_hold_the_end_up(self):
        with Wire(self.daytime.endpoint, self.context) as wire:
            wire.plain.sendall(wire.shake(last=True))
            self.at_most(4, seconds(self.until_it_is_closed))

    def test_a_close_that_is_answered_ends_at_once(self):
        def converse():
            with connect(self.daytime.endpoint, self.context) as peer:
                while peer.recv(100):
                    pass
                peer.unwrap().close()
            self.until_it_is_closed()

        self.at_most(1.9, seconds(converse))


class KeyUpdates(Test):
    def test_ten_thousand_cost_the_server_at_most_five_times_the_processor_time_of_their_sender(self):
        for request in (False, True):
            with self.subTest(request=request):
                server = self.server("--mode", "frames", "--threads", "1")
                idle = len(sockets(server.pid))
                with Library(server.endpoint, Library.TLS13) as peer:
                    peer.call("do_handshake")
                    before, own_before = processor_time(server.pid), time.thread_time()
                    sent = peer.update_keys(10_000, request)
                    self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
                    own = time.thread_time() - own_before
                    self.at_most(5 * max(own, 0.01), processor_time(server.pid) - before, f"{sent} key updates")


class Reloads(Test):
    def test_a_new_certificate_is_shown_within_a_second_under_load(self):
        live = Pair(self.made.folder / "live.pem", self.made.folder / "live.key")
        for file in live:
            file.touch()
        swap(live, self.made.server(fresh=True))
        server = self.server("--mode", "frames", pair=live)
        with Newcomers(server.endpoint, self.made.ca) as crowd:
            taken = []
            for number in range(10):
                self.assertTrue(eventually(lambda: len(crowd.seen) > number))
                swap(live, self.made.server(fresh=True))
                begin = time.monotonic()
                server.signal(signal.SIGHUP)
                self.assertTrue(eventually(lambda: len(crowd.seen) > number + 1))
                taken.append(max(crowd.seen.values()) - begin)
        self.assertEqual(crowd.failures, [])
        self.at_most(1, max(taken), f"the slowest of {len(taken)} reloads, {crowd.served} handshakes beside them")


if __name__ == "__main__":
    unittest.main(verbosity=2)
