"""Frames that claim more than the limit, and other protocols on the frame port: refused at once, and for nothing."""
import re
import select
import socket
import statistics
import time
import unittest

from kernel import eventually, resident, sockets, all_read
from process import PATIENCE, Server, exchange, framed, receive

FOUR_GIB = b"\xff\xff\xff\xff"
CLAIMS = 1000
AT_MOST = 0.020
MIB = 1 << 20


def end_of(peer):
    """Waits for the end of the stream, or the reset."""
    try:
        while peer.recv(4096):
            pass
    except ConnectionResetError:
        pass


class Claims(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0"))
        self.idle = len(sockets(self.server.pid))
        with self.server.connect() as peer:
            exchange(peer, bytes(4096))
        self.before = resident(self.server.pid)

    def tearDown(self):
        self.assertTrue(eventually(lambda: len(sockets(self.server.pid)) == self.idle))
        self.assertLessEqual(resident(self.server.pid) - self.before, 8 * MIB)
        with self.server.connect() as peer:
            exchange(peer)
        self.assertEqual(self.server.stop(), 0)
        said = [line for line in self.server.err.all() if "frame_too_large" in line]
        self.assertGreaterEqual(len(said), 1)
        self.assertLessEqual(len(said), 30)

    def test_one_after_the_other(self):
        delays = []
        for _ in range(CLAIMS):
            with self.server.connect() as peer:
                peer.sendall(FOUR_GIB[:3])
                peer.sendall(FOUR_GIB[3:])
                begin = time.monotonic()
                end_of(peer)
                delays.append(time.monotonic() - begin)
        self.assertLessEqual(statistics.quantiles(delays, n=100)[98], AT_MOST)

    def test_a_thousand_at_once(self):
        """The least of three rounds: this side's own waits for a processor are in each delay."""
        self.assertLessEqual(min(self.longest_of_a_thousand() for _ in range(3)), AT_MOST)

    def longest_of_a_thousand(self):
        """At most one of a hundred waits longer."""
        peers = [self.server.connect() for _ in range(CLAIMS)]
        poll = select.epoll()
        for peer in peers:
            peer.sendall(FOUR_GIB[:3])
        self.assertTrue(eventually(lambda: len(sockets(self.server.pid)) == self.idle + CLAIMS))
        sent, delays = {}, []
        for peer in peers:
            peer.setblocking(False)
            poll.register(peer, select.EPOLLIN | select.EPOLLRDHUP)
        by_number = {peer.fileno(): peer for peer in peers}

        def ends(wait):
            for number, _ in poll.poll(wait):
                end_of(by_number[number])
                delays.append(time.monotonic() - sent.pop(number))
                poll.unregister(number)

        for peer in peers:
            sent[peer.fileno()] = time.monotonic()
            peer.sendall(FOUR_GIB[3:])
            ends(0)
        until = time.monotonic() + PATIENCE
        while sent and time.monotonic() < until:
            ends(1)
        for peer in peers:
            peer.close()
        poll.close()
        self.assertEqual(len(delays), CLAIMS)
        self.assertTrue(eventually(lambda: len(sockets(self.server.pid)) == self.idle))
        return statistics.quantiles(delays, n=100)[98]

    def test_other_bytes_after_the_claim_change_nothing(self):
        for _ in range(20):
            with self.server.connect() as peer:
                peer.sendall(FOUR_GIB + bytes(100_000))
                begin = time.monotonic()
                end_of(peer)
                self.assertLessEqual(time.monotonic() - begin, 0.2)


class OtherProtocols(unittest.TestCase):
    CASES = {
        "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "TLS": bytes((22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3)) + bytes(500),
        "SSH": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    }

    def test_each_is_named_in_one_line_and_closed_at_once(self):
        for name, first_bytes in self.CASES.items():
            with self.subTest(name), Server("echo_server", "--mode", "frames", "tcp://127.0.0.1:0") as server:
                delays = []
                for _ in range(9):
                    with server.connect() as peer:
                        peer.sendall(first_bytes)
                        begin = time.monotonic()
                        end_of(peer)
                        delays.append(time.monotonic() - begin)
                self.assertLessEqual(statistics.median(delays), AT_MOST)
                self.assertEqual(server.stop(), 0)
                lines = [line for line in server.err.all() if re.search("looks like " + name, line)]
                self.assertEqual(len(lines), 1, server.err.seen)


class Limit(unittest.TestCase):
    def test_a_frame_of_the_limit_passes_and_one_byte_more_is_refused(self):
        for limit, options in ((1 << 20, ()), (1, ("--frame-limit", "1")), (70_000, ("--frame-limit", "70000"))):
            with self.subTest(limit=limit):
                with Server("echo_server", "--mode", "frames", "--quiet", *options, "tcp://127.0.0.1:0") as server:
                    with server.connect() as peer:
                        exchange(peer, bytes(limit))
                        exchange(peer, bytes(limit))
                        peer.sendall((limit + 1).to_bytes(4, "big"))
                        end_of(peer)
                    server.err.wait_for(r".*frame_too_large.*")

    def test_memory_follows_what_is_received_and_not_what_is_claimed(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
            with server.connect() as peer:
                exchange(peer, bytes(4096))
            before = resident(server.pid)
            peers = [server.connect() for _ in range(500)]
            for peer in peers:
                peer.sendall((1 << 20).to_bytes(4, "big") + bytes(1000))
            self.assertTrue(eventually(lambda: all_read(*peers)))
            self.assertLess(resident(server.pid) - before, 500 * 8192)
            for peer in peers:
                peer.close()


class Pieces(unittest.TestCase):
    def test_ten_thousand_frames_in_one_burst_come_back_in_order_while_others_are_served(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "--threads", "1", "tcp://127.0.0.1:0") as server:
            with server.connect() as many, server.connect() as other:
                many.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                burst = b"".join(framed(b"%d" % number) for number in range(10_000))
                many.setblocking(False)
                many.send(burst[:1 << 16])
                exchange(other)
                many.setblocking(True)
                many.settimeout(PATIENCE)
                sent = 1 << 16
                got = b""
                while sent < len(burst):
                    sent += many.send(burst[sent:sent + 4096])
                    got += many.recv(1 << 16)
                got += receive(many, len(burst) - len(got))
                self.assertEqual(got, burst)

    def test_a_thousand_streams_cut_at_every_byte_come_back_the_same(self):
        stream = b"".join(framed(bytes((number,)) * number) for number in range(6))
        with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
            with server.connect() as peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for _ in range(1000):
                    for byte in stream:
                        peer.sendall(bytes((byte,)))
                    self.assertEqual(receive(peer, len(stream)), stream)


if __name__ == "__main__":
    unittest.main(verbosity=2)
