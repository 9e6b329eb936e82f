# SPDX-License-Identifier: BSL-1.0
"""Our frames and bytes against programs of others: Twisted's Int32StringReceiver, Erlang's {packet, 4}, and nc."""
import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from peers import PEERS, PlainPeer, address_of
from process import PATIENCE, Program, Server, run, text

ANY_PORT = "tcp://127.0.0.1:0"
LIMIT = 1 << 20  # bytes of a frame, unless an option says otherwise
SIZES = (0, 1, 2, 255, 256, 4095, 4096, 65_535, 65_536, 300_000, 0, 7)
MESSAGES = ("Message 1 from client.", "Message 2 from client.")


class TwistedPeer(PlainPeer):
    def __init__(self, name, *arguments):
        # The Python that Debian's packages are for.
        Program.__init__(self, f"twisted_echo_{name}_peer.py", *arguments, directory=PEERS, under=["/usr/bin/python3"])


class ErlangPeer(PlainPeer):
    def __init__(self, *arguments):
        Program.__init__(self, "erlang_peer.escript", *arguments, directory=PEERS, under=["escript"])


class FrameworksOf:
    """What is asked of each of them. `serving` and `asking` start their server and their client."""

    def answer(self, mode, server, *sizes):
        """What their client says at its end, of an exchange with a server of ours."""
        with self.asking(mode, address_of(server.endpoint)[1], *sizes) as client:
            self.assertEqual(client.wait(), 0, client.err.seen)
            return client.out.all()

    def test_their_client_gets_its_frames_back(self):
        with Server("echo_server", "--mode", "frames", "--quiet", ANY_PORT) as server:
            self.assertEqual(self.answer("frames", server, *SIZES), [f"received {len(SIZES)}"])
            self.assertEqual(server.stop(), 0)

    def test_their_frame_at_the_limit_passes_and_one_byte_more_does_not(self):
        with Server("echo_server", "--mode", "frames", "--quiet", ANY_PORT) as server:
            self.assertEqual(self.answer("frames", server, LIMIT), ["received 1"])
            self.assertEqual(self.answer("frames", server, LIMIT + 1), ["closed 0"])
            server.err.wait_for(r".*frame_too_large.*")
            self.assertEqual(server.stop(), 0)

    def test_their_client_gets_its_bytes_back(self):
        for server_name, where in (("echo_server", (ANY_PORT,)), ("multi_server", ("127.0.0.1", "0"))):
            with self.subTest(server_name), Server(server_name, "--quiet", *where) as server:
                self.assertEqual(self.answer("bytes", server, 12, 300_000, 1), ["received 3"])
                self.assertEqual(server.stop(), 0)

    def test_our_clients_get_their_frames_back(self):
        with self.serving("frames") as server:
            endpoint = f"tcp://127.0.0.1:{server.port()}"
            lines = ["", "x", "é" * 128, "y" * 65_536]
            status, out, err = run("echo_client", "--mode", "frames", endpoint, "one", "", "-",
                                   input="\n".join(lines).encode())
            self.assertEqual((status, len(out), err), (0, 6, []))
            self.assertEqual(out[:4], ['received "one"', 'received ""', 'received ""', 'received "x"'])
            self.assertIn("(65536 bytes)", out[5])
            status, out, err = run("load", "--json", "--mode", "frames", "--connections", "8", "--pipeline", "4", "--size",
                                   "1000", "--messages", "1000", endpoint)
            self.assertEqual((status, err), (0, []), out)
            self.assertGreaterEqual(json.loads(out[0])["messages"], 1000)

    def test_our_clients_get_their_bytes_back(self):
        with self.serving("bytes") as server:
            port = server.port()
            self.assertEqual(run("echo_client", f"tcp://127.0.0.1:{port}"), (0, ['received "Hello, world"'], []))
            status, out, err = run("multi_client", "127.0.0.1", port, "5")
            self.assertEqual((status, err), (0, []))
            for number in range(1, 6):
                back = "".join(re.findall(rf'^received "(.*)" from connection {number}$', "\n".join(out), re.MULTILINE))
                self.assertEqual(back, "".join(MESSAGES))
                self.assertIn(f"closing connection {number}", out)


class Twisted(FrameworksOf, unittest.TestCase):
    def serving(self, *arguments):
        return TwistedPeer("server", *arguments)

    def asking(self, *arguments):
        return TwistedPeer("client", *arguments)


class Erlang(FrameworksOf, unittest.TestCase):
    def serving(self, *arguments):
        return ErlangPeer("server", *arguments)

    def asking(self, *arguments):
        return ErlangPeer("client", *arguments)


def nc(*arguments, input=b""):
    """What nc receives until its end."""
    return text(subprocess.run(["nc", *map(str, arguments)], input=input, check=True, capture_output=True,
                               timeout=PATIENCE).stdout)


class Netcat(unittest.TestCase):
    def test_bytes_come_back_to_it(self):
        octets = "one\ntwo\né\n" * 10_000
        for server_name, where in (("echo_server", (ANY_PORT,)), ("multi_server", ("127.0.0.1", "0"))):
            with self.subTest(server_name), Server(server_name, "--quiet", *where) as server:
                self.assertEqual(nc("-N", *address_of(server.endpoint), input=octets.encode()), octets)
                self.assertEqual(server.stop(), 0)

    def test_bytes_come_back_over_a_unix_socket_and_a_tcp_socket_of_ipv6(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "echo.sock")
            with Server("echo_server", "--quiet", f"unix:{path}", "[::1]:0", listeners=2) as server:
                self.assertEqual(nc("-N", "-U", path, input=b"one\n"), "one\n")
                self.assertEqual(nc("-N", "-6", *address_of(server.endpoints[1]), input=b"two\n"), "two\n")
                self.assertEqual(server.stop(), 0)

    def test_a_frame_made_by_hand_comes_back(self):
        with Server("echo_server", "--quiet", "--mode", "frames", ANY_PORT) as server:
            frame = b"\0\0\0\x05hello"
            self.assertEqual(nc("-N", *address_of(server.endpoint), input=frame), text(frame))
            self.assertEqual(server.stop(), 0)

    def test_it_reads_the_time_and_a_quote(self):
        with Server("daytime_server", "--quiet", ANY_PORT) as server:
            self.assertRegex(nc("-d", *address_of(server.endpoint)), r"^\w+day, \w+ \d+, \d{4} \d\d:\d\d:\d\d-UTC\r\n$")
            self.assertEqual(server.stop(), 0)
        with Server("qotd_server", "--quiet", "udp://127.0.0.1:0", ANY_PORT, listeners=2) as server:
            quotes = {nc("-u", "-W", "1", *address_of(server.endpoints[0]), input=b"\n"),
                      nc("-d", *address_of(server.endpoints[1]))}
            for quote in quotes:
                self.assertRegex(quote, r"^\S[^\0]+\r\n$")
                self.assertLessEqual(len(quote), 512)
            self.assertEqual(server.stop(), 0)

    def test_our_client_with_it_as_the_server(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "nc.sock")
            with Program("nc", "-l", "-U", "-v", path, directory=Path("/usr/bin"), stdin=subprocess.PIPE) as server:
                server.err.wait_for(r"Listening on .*")
                server.process.stdin.write(b"Hello, world")  # it is no echo: this is what it sends
                server.process.stdin.close()
                self.assertEqual(run("echo_client", f"unix:{path}"), (0, ['received "Hello, world"'], []))
                self.assertEqual(server.wait(), 0)
                self.assertEqual(server.out.all(), ["Hello, world"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
