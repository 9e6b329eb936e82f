"""Handshakes that do not end: each is cut at the handshake deadline, and a polite client notices none of them."""
import multiprocessing
import select
import socket
import statistics
import tempfile
import time
import unittest

from certificates import Certificates
from crowd import IP_BIND_ADDRESS_NO_PORT, MANY
from kernel import eventually, how_many_descriptors, resident
from process import PATIENCE, Server, exchange
from tls import Wire, address, client_context, connect, first_flight

EACH = 1000
SILENT = 10_000
DEADLINE, TOLERANCE = 10, 1
KIB = 1024


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

    def p99(self):
        return statistics.quantiles(self.delays, n=100)[98]


class Slow(unittest.TestCase):
    def setUp(self):
        made = Certificates(self.enterContext(tempfile.TemporaryDirectory()))
        pair = made.server()
        self.ca = made.ca
        self.context = client_context(made.ca)
        self.server = self.enterContext(Server("echo_server", "--mode", "frames", "--quiet", "--cert", pair.certificate,
                                               "--key", pair.key, "tls://127.0.0.1:0"))
        self.idle = how_many_descriptors(self.server.pid)
        with connect(self.server.endpoint, self.context) as peer:
            exchange(peer)
        self.assertTrue(eventually(lambda: how_many_descriptors(self.server.pid) == self.idle))
        self.poll = select.epoll()
        self.peers, self.began, self.taken = {}, {}, []

    def tearDown(self):
        for peer in self.peers.values():
            peer.close()

    def open(self, number):
        peer = socket.socket()
        peer.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        peer.bind((MANY[number % len(MANY)], 0))
        peer.connect(address(self.server.endpoint))
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.watch(peer)
        return peer

    def watch(self, peer):
        self.peers[peer.fileno()] = peer
        self.began[peer.fileno()] = time.monotonic()
        self.poll.register(peer, select.EPOLLRDHUP)

    def gather(self, wait):
        """Those that the server has ended meanwhile."""
        for number, _ in self.poll.poll(wait, maxevents=4096):
            self.poll.unregister(number)
            self.taken.append(time.monotonic() - self.began.pop(number))

    def gather_all(self, every_second=lambda: None):
        until = time.monotonic() + DEADLINE + 10
        next_turn = time.monotonic() + 1
        while self.began and time.monotonic() < until:
            self.gather(0.05)
            if time.monotonic() >= next_turn:
                every_second()
                next_turn += 1

    def check(self, count):
        self.assertEqual(len(self.taken), count)
        print(f"{count} cut after {min(self.taken):.2f} to {max(self.taken):.2f} s")
        self.assertGreaterEqual(min(self.taken), DEADLINE - TOLERANCE)
        self.assertLessEqual(max(self.taken), DEADLINE + TOLERANCE)
        self.assertTrue(eventually(lambda: how_many_descriptors(self.server.pid) == self.idle))
        self.server.err.wait_for(r".*handshake_timeout.*")

    def test_silent_ones(self):
        before = resident(self.server.pid)
        for number in range(EACH):
            self.open(number)
        self.assertTrue(eventually(lambda: how_many_descriptors(self.server.pid) == self.idle + EACH))
        each = (resident(self.server.pid) - before) / EACH
        print(f"{each:.0f} bytes for a silent one")
        self.assertLessEqual(each, 2 * KIB)
        self.gather_all()
        self.check(EACH)

    def test_a_byte_a_second(self):
        hello = first_flight(self.context)
        sent = 0
        for number in range(EACH):
            self.open(number)

        def one_byte():
            nonlocal sent
            for descriptor in list(self.began):
                try:
                    self.peers[descriptor].send(hello[sent:sent + 1])
                except OSError:
                    pass
            sent += 1

        self.gather_all(one_byte)
        self.check(EACH)

    def test_nothing_after_the_hello(self):
        for number in range(EACH):
            self.open(number).sendall(first_flight(self.context))
        self.gather_all()
        self.check(EACH)

    def test_nothing_before_the_finished_message(self):
        for _ in range(EACH):
            wire = Wire(self.server.endpoint, self.context)
            self.watch(wire.plain)
            wire.plain.sendall(wire.shake(last=True)[:-1])
            self.gather(0)
        self.gather_all()
        self.check(EACH)

    def test_ten_thousand_silent_ones_and_a_polite_client(self):
        with Victim(self.server.endpoint, self.ca) as victim:
            for number in range(SILENT):
                self.open(number)
            self.gather_all()
        self.check(SILENT)
        self.assertEqual(victim.failures, [])
        print(f"{victim.p99() * 1000:.1f} ms: the victim's p99 of {len(victim.delays)}")
        self.assertGreaterEqual(len(victim.delays), 500)
        self.assertLessEqual(victim.p99(), 0.050)


if __name__ == "__main__":
    unittest.main(verbosity=2)
