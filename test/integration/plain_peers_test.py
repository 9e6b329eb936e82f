# SPDX-License-Identifier: BSL-1.0
"""Our programs against plain sockets: peers that make the calls of a first socket program, in that order."""
import re
import signal
import sys
import unittest
from pathlib import Path

from process import Program, Server, run

PEERS = Path(__file__).resolve().parent.parent / "peers"
MESSAGES = ("Message 1 from client.", "Message 2 from client.")
ALL = "".join(MESSAGES)


class Peer(Program):
    """One of the programs of test/peers."""

    def __init__(self, name, *arguments):
        super().__init__(name + ".py", *arguments, directory=PEERS, under=[sys.executable])

    def port(self):
        return self.out.wait_for(r"listening on (\d+)")[1]


def port_of(server):
    return server.endpoint.rpartition(":")[2]


class Echo(unittest.TestCase):
    def test_plain_client_with_our_server(self):
        with Server("echo_server", "tcp://127.0.0.1:0") as server:
            with Peer("echo_client_peer", port_of(server)) as client:
                self.assertEqual(client.wait(), 0)
                self.assertEqual(client.out.all(), ["Received b'Hello, world'"])
            who = server.err.wait_for(r"closing connection to (127\.0\.0\.1:\d+)")[1]
            self.assertEqual(server.stop(), 0)
            self.assertEqual(server.err.all()[:3], [f"connected by {who}", f'echoing "Hello, world" to {who}',
                                                    f"closing connection to {who}"])
            self.assertEqual(server.out.all(), [f"listening on {server.endpoint}"])

    def test_our_client_with_plain_server(self):
        with Peer("echo_server_peer", "0") as server:
            self.assertEqual(run("echo_client", f"tcp://127.0.0.1:{server.port()}"),
                             (0, ['received "Hello, world"'], []))
            self.assertEqual(server.wait(), 0)
            self.assertRegex(server.out.all()[1], r"^Connected by \('127\.0\.0\.1', \d+\)$")

    def test_our_client_with_a_long_text_and_plain_server_that_reads_1024_bytes_at_a_time(self):
        text = "0123456789" * 10_000
        with Peer("echo_server_peer", "0") as server:
            status, out, err = run("echo_client", f"127.0.0.1:{server.port()}", "-", input=text.encode() + b"\n")
            self.assertEqual((status, len(out), err), (0, 1, []))
            self.assertIn("(100000 bytes)", out[0])

    def test_our_client_with_our_server(self):
        with Server("echo_server", "tcp://127.0.0.1:0") as server:
            self.assertEqual(run("echo_client", server.endpoint), (0, ['received "Hello, world"'], []))
            self.assertEqual(server.stop(), 0)


class Multi(unittest.TestCase):
    COUNT = 5

    def check_client(self, lines, address, quote, count):
        """Every line of a client: the first ones to the letter, and each connection's own in their order."""
        def quoted(text):
            return quote.format(text)

        self.assertEqual(lines[:count], [f"starting connection {n} to {address}" for n in range(1, count + 1)])
        for number in range(1, count + 1):
            own = [line for line in lines[count:] if re.search(rf"connection {number}$", line)]
            sent = [line for line in own if line.startswith("sending")]
            received = [line for line in own if line.startswith("received")]
            self.assertEqual(sent, [f"sending {quoted(m)} to connection {number}" for m in MESSAGES])
            one_each = [f"received {quoted(m)} from connection {number}" for m in MESSAGES]
            self.assertIn(received, (one_each, [f"received {quoted(ALL)} from connection {number}"]))
            self.assertEqual(own[-1], f"closing connection {number}")
            self.assertEqual(len(own), len(sent) + len(received) + 1)

    def check_our_server(self, server, count):
        closing = r"closing connection to (127\.0\.0\.1:\d+)"
        server.err.wait_for(closing, count)
        self.assertEqual(server.stop(), 0)
        lines = server.err.all()
        peers = [m[1] for m in map(re.compile(closing).fullmatch, lines) if m]
        self.assertEqual((len(peers), len(set(peers))), (count, count))
        for peer in peers:
            own = [line for line in lines if line.endswith(peer)]
            self.assertEqual(own[0], f"accepted connection from {peer}")
            one_each = [f'echoing "{m}" to {peer}' for m in MESSAGES]
            self.assertIn(own[1:-1], (one_each, [f'echoing "{ALL}" to {peer}']))
            self.assertEqual(own[-1], f"closing connection to {peer}")

    def test_plain_client_with_our_server(self):
        with Server("multi_server", "127.0.0.1", "0") as server:
            port = port_of(server)
            with Peer("multi_client_peer", "127.0.0.1", port, self.COUNT) as client:
                self.assertEqual(client.wait(), 0)
                self.check_client(client.out.all(), f"('127.0.0.1', {port})", "b'{}'", self.COUNT)
            self.check_our_server(server, self.COUNT)

    def test_our_client_with_plain_server(self):
        with Peer("multi_server_peer", "127.0.0.1", "0") as server:
            port = server.port()
            status, out, err = run("multi_client", "127.0.0.1", port, self.COUNT)
            self.assertEqual((status, err), (0, []))
            self.check_client(out, f"127.0.0.1:{port}", '"{}"', self.COUNT)
            server.out.wait_for(r"closing connection to .*", self.COUNT)
            server.signal(signal.SIGINT)
            self.assertEqual(server.wait(), 0)
            self.assertEqual(server.out.all()[-1], "caught keyboard interrupt, exiting")

    def test_our_client_with_our_server(self):
        for count in (1, 5, 100):
            with self.subTest(count=count), Server("multi_server", "127.0.0.1", "0") as server:
                status, out, err = run("multi_client", "127.0.0.1", port_of(server), count)
                self.assertEqual((status, err), (0, []))
                self.check_client(out, f"127.0.0.1:{port_of(server)}", '"{}"', count)
                self.check_our_server(server, count)

    def test_plain_echo_client_with_our_multi_server_and_our_echo_client_with_the_plain_one(self):
        with Server("multi_server", "127.0.0.1", "0") as server, Peer("echo_client_peer", port_of(server)) as client:
            self.assertEqual(client.wait(), 0)
            self.assertEqual(client.out.all(), ["Received b'Hello, world'"])
        with Peer("multi_server_peer", "127.0.0.1", "0") as server:
            self.assertEqual(run("echo_client", f"127.0.0.1:{server.port()}")[:2], (0, ['received "Hello, world"']))


if __name__ == "__main__":
    unittest.main(verbosity=2)
