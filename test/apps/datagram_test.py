# SPDX-License-Identifier: BSL-1.0
"""qotd_server and qotd_client over UDP and TCP, each run as a process: every line and every exit status."""
import contextlib
import signal
import tempfile
import threading
import time
import unittest
from pathlib import Path

from kernel import TracedServer
from namespace import Namespace
from peers import Conversation, PlainPeer, address_of, udp_socket
from process import DRAINED, PATIENCE, Program, Server, run

UDP = "udp://127.0.0.1:0"
TCP = "tcp://127.0.0.1:0"


class Answering:
    """A UDP socket that answers each datagram, on a thread; with None it does not. Keeps what it was sent."""

    def __init__(self, *answers):
        self.asked = []
        self.socket = udp_socket()
        self.port = self.socket.getsockname()[1]
        self.endpoint = f"udp://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self._serve, args=(answers,), daemon=True)
        self.thread.start()

    def _serve(self, answers):
        for answer in answers:
            try:
                self.asked.append(self.socket.recvfrom(1024))
            except OSError:
                return  # nobody asked: the test has failed already
            if answer is not None:
                self.socket.sendto(answer, self.asked[-1][1])

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        if error:
            self.socket.close()
        self.thread.join(PATIENCE)
        self.socket.close()


def other_address(peer):
    """A UDP socket at another address; with the port of this one, which is not the server's as the server's would be."""
    return udp_socket("127.0.0.2", peer.getsockname()[1])


def waiting(peer):
    """How many datagrams have come to a socket, none of them empty."""
    peer.setblocking(False)
    number = 0
    with contextlib.suppress(BlockingIOError):
        while peer.recv(1024):
            number += 1
    return number


class Test(unittest.TestCase):
    def refused(self, *command, named):
        """Exit 2, and one line that names all of these."""
        status, out, err = run(*command)
        self.assertEqual((status, out, len(err)), (2, [], 1), (command, err))
        for name in named:
            self.assertIn(str(name), err[0])

    def failed(self, *command, named):
        """Exit 1, nothing on standard output, and one line that names all of these."""
        status, out, err = run(*command)
        self.assertEqual((status, out, len(err)), (1, [], 1), (out, err))
        for name in named:
            self.assertIn(name, err[0])


class CommandLines(Test):
    def test_help_and_version(self):
        for program, words in (("qotd_server", "ENDPOINT udp://127.0.0.1:10017 tcp://127.0.0.1:10017 --quotes --datagram-rate --threads --drain"),
                               ("qotd_client", "HOST ENDPOINT 17 --tcp --timeout 2 --source --cacert -v udp://")):
            status, out, err = run(program, "--help")
            self.assertEqual((status, err), (0, []))
            for word in words.split() + ["--help", "--version"]:
                self.assertIn(word, "\n".join(out))
            self.assertRegex(run(program, "--version")[1][0], rf"^{program} .*\d+\.\d+\.\d+$")

    def test_a_client_needs_one_host_and_one_transport(self):
        self.refused("qotd_client", named=("HOST", "nothing"))
        self.refused("qotd_client", "a", "b", named=("HOST", '"b"'))
        self.refused("qotd_client", ":17", named=("HOST", '":17"'))
        self.refused("qotd_client", "host:70000", named=("70000", "65535"))
        self.refused("qotd_client", "--tcp", "udp://127.0.0.1", named=("--tcp", "udp://127.0.0.1"))
        self.refused("qotd_client", "--cacert", __file__, "127.0.0.1", named=("--cacert", "udp://127.0.0.1:17"))
        self.refused("qotd_client", "--timeout", "2", "host", named=("--timeout", '"2"'))
        self.refused("qotd_client", "--source", "here", "host", named=("--source", "here"))

    def test_the_port_is_17_unless_it_is_said(self):
        for arguments, shown in ((("127.0.0.1",), "udp://127.0.0.1:17"), (("::1",), "udp://[::1]:17"),
                                 (("udp://127.0.0.1",), "udp://127.0.0.1:17"), (("--tcp", "127.0.0.1"), "tcp://127.0.0.1:17"),
                                 (("tcp://127.0.0.1",), "tcp://127.0.0.1:17"), (("localhost",), "udp://localhost:17")):
            with self.subTest(arguments=arguments):
                self.failed("qotd_client", *arguments, named=(shown + ":", "ECONNREFUSED", "server not running"))

    def test_an_address_that_a_server_cannot_have(self):
        with udp_socket() as taken:
            where = "udp://127.0.0.1:%d" % taken.getsockname()[1]
            self.refused("qotd_server", TCP, where, named=(where, "EADDRINUSE"))
        self.refused("qotd_server", "udp://192.0.2.1:0", named=("udp://192.0.2.1:0", "EADDRNOTAVAIL"))
        self.refused("echo_server", UDP, named=(UDP, "tcp://"))

    def test_files_that_are_no_quotes(self):
        with tempfile.TemporaryDirectory() as folder:
            def file(content):
                path = Path(folder, "quotes")
                path.write_bytes(content)
                return path

            self.refused("qotd_server", "--quotes", f"{folder}/none", UDP, named=("--quotes", "none", "ENOENT"))
            self.refused("qotd_server", "--quotes", folder, UDP, named=("--quotes", "EISDIR"))
            for content in (b"", b"\n\n", b"%\n%\n"):
                path = file(content)
                self.refused("qotd_server", "--quotes", path, UDP, named=("--quotes", path, "one quote"))
            path = file(b"good\n%\n\n" + 511 * b"x" + b"\n%\n")
            self.refused("qotd_server", "--quotes", path, UDP, named=(path, "line 4", "512", "513"))
            path = file(b"good\nnot \x00 text\n")
            self.refused("qotd_server", "--quotes", path, UDP, named=(path, "line 2", r"not \x00 text"))


class Quotes(Test):
    def test_our_client_and_our_server_over_every_transport(self):
        where = (UDP, TCP, "udp://[::1]:0", "tcp://[::1]:0")
        with Server("qotd_server", *where, listeners=4) as server:
            seen = set()
            for endpoint, asked in zip(server.endpoints, where):
                self.assertEqual(endpoint.rpartition(":")[0], asked.rpartition(":")[0])
                status, out, err = run("qotd_client", endpoint)
                self.assertEqual((status, len(out), err), (0, 1, []))
                seen.add(out[0])
            self.assertEqual(len(seen), 4)  # each in its turn
            udp, tcp = (":".join(map(str, address_of(e))) for e in server.endpoints[:2])
            self.assertEqual(run("qotd_client", udp)[0], 0)
            self.assertEqual(run("qotd_client", "--tcp", tcp)[0], 0)
            self.assertEqual(server.stop(), 0)
            self.assertRegex("\n".join(server.err.all()), f"^{DRAINED}$")

    def test_a_plain_client(self):
        with Server("qotd_server", UDP) as server:
            port = server.endpoint.rpartition(":")[2]
            with PlainPeer("qotd_client_peer", port) as client:
                self.assertEqual(client.wait(), 0)
                self.assertRegex(client.out.all()[0], rf"^from {port} ['\"]A hawser .*\\r\\n['\"]$")

    def test_whatever_a_datagram_holds_it_is_a_request(self):
        with Server("qotd_server", UDP) as server, udp_socket() as peer:
            for request in (b"", b"\x00", b"quote, please", 65507 * b"x"):
                peer.sendto(request, address_of(server.endpoint))
                quote, sender = peer.recvfrom(65536)
                self.assertEqual(sender, address_of(server.endpoint))
                self.assertTrue(quote.endswith(b"\r\n") and len(quote) <= 512)

    def test_a_connection_gets_a_quote_and_the_end(self):
        with Server("qotd_server", TCP) as server, server.connect() as peer:
            quote = b""
            while piece := peer.recv(1024):
                quote += piece
            self.assertTrue(quote.endswith(b"\r\n") and len(quote) <= 512)

    def test_quotes_of_a_file_come_in_their_order(self):
        longest = 510 * "x"
        with tempfile.NamedTemporaryFile("wb") as file:
            file.write(f"\n\none\n%\ntwo\n\n  lines\n\n%\n%\n{longest}\r\n%\nßé 🐰".encode())
            file.flush()
            expected = ["one\r\n", "two\r\n\r\n  lines\r\n", longest + "\r\n", "ßé 🐰\r\n", "one\r\n"]
            with Server("qotd_server", "--quotes", file.name, UDP, TCP, listeners=2) as server, udp_socket() as peer:
                for quote in expected:
                    peer.sendto(b"", address_of(server.endpoint))
                    self.assertEqual(peer.recv(1024).decode(), quote)
                self.assertEqual(run("qotd_client", server.endpoint), (0, ["two", "", "  lines"], []))
                self.assertEqual(run("qotd_client", server.endpoints[1]), (0, [longest], []))
                self.assertEqual(run("qotd_client", server.endpoint), (0, ["ßé 🐰"], []))

    def test_the_answer_comes_from_the_address_that_was_asked(self):
        with Server("qotd_server", "udp://0.0.0.0:0") as server:
            self.assertEqual(run("qotd_client", "udp://127.0.0.8:%d" % address_of(server.endpoint)[1])[0], 0)

    def test_one_address_cannot_have_it_send_without_end(self):
        with Server("qotd_server", UDP) as server, udp_socket() as flood, other_address(flood) as other:
            began = time.monotonic()
            for _ in range(100):  # as many as the kernel has room for
                flood.sendto(b"", address_of(server.endpoint))
            other.sendto(b"", address_of(server.endpoint))  # behind all of them
            self.assertTrue(other.recv(1024))
            most = 20 + 10 * (time.monotonic() - began) + 1
            answers = waiting(flood)
            self.assertGreaterEqual(answers, 20)
            self.assertLessEqual(answers, most)

    def test_how_many_datagrams_an_address_is_answered_may_be_said(self):
        for bad in ("0", "500001", "any"):
            self.refused("qotd_server", "--datagram-rate", bad, UDP, named=("--datagram-rate", bad))
        with Server("qotd_server", "--datagram-rate", 500_000, UDP) as server:
            self.assertEqual(server.stop(), 0)
        for rate, least in ((1, 2), (100, 100)):  # twice as many at once
            with Server("qotd_server", "--datagram-rate", rate, UDP) as server, udp_socket() as flood, \
                    other_address(flood) as other:
                began = time.monotonic()
                for _ in range(100):
                    flood.sendto(b"", address_of(server.endpoint))
                other.sendto(b"", address_of(server.endpoint))
                self.assertTrue(other.recv(1024))
                most = 2 * rate + rate * (time.monotonic() - began) + 1
                answers = waiting(flood)
                self.assertGreaterEqual(answers, least)
                self.assertLessEqual(answers, most)

    def test_another_service_is_not_answered(self):
        with Server("qotd_server", UDP) as server, udp_socket() as client:
            port = address_of(server.endpoint)[1]
            with udp_socket("127.0.0.2", port) as service:
                service.sendto(b"", address_of(server.endpoint))
                client.sendto(b"", address_of(server.endpoint))  # behind it
                self.assertTrue(client.recv(1024))
                service.setblocking(False)
                with self.assertRaises(BlockingIOError):
                    service.recv(1024)

    def test_signals_end_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Server("qotd_server", UDP, TCP, listeners=2) as server:
                self.assertEqual(run("qotd_client", server.endpoint)[0], 0)
                self.assertEqual(server.stop(number), 0)

    def test_what_the_kernel_refuses_for_a_moment_is_tried_again(self):
        with TracedServer("qotd_server", UDP, trace="recvmsg,sendmsg",
                          inject=("recvmsg:error=ENOMEM:when=1", "sendmsg:error=EAGAIN:when=1")) as server:
            self.assertEqual(run("qotd_client", "--timeout", "20s", server.endpoint)[0], 0)
            server.err.wait_for(r".*ENOMEM.*")
            self.assertEqual(server.stop(), 0)
            server.calls.all()
            for error in ("ENOMEM", "EAGAIN"):
                self.assertTrue(server.calls.matching(rf"{error}.*INJECTED"), server.calls.seen)

    def test_what_it_does_not_know_is_tried_again_after_a_rest_when_it_does_not_pass(self):
        for error in ("EFAULT", "EIO", "EACCES"):
            with self.subTest(error=error), TracedServer("qotd_server", UDP, trace="recvmsg",
                                                         inject=[f"recvmsg:error={error}:when=1..200"]) as server:
                self.assertEqual(run("qotd_client", "--timeout", "20s", server.endpoint)[0], 0)
                server.err.wait_for(rf".*pauses.*{error}.*")
                self.assertEqual(server.stop(), 0)
                self.assertEqual(len(server.injected()), 200)


class Defaults(Test):
    """In a network where every port is free, and a name has two addresses of which one refuses."""

    def test_ports_and_addresses(self):
        with Namespace(files={"/etc/hosts": "::1 two.example\n127.0.0.1 two.example\n"}) as network:
            with Server("qotd_server", listeners=2, under=network.enter) as server:
                self.assertEqual(server.endpoints, ["udp://127.0.0.1:10017", "tcp://127.0.0.1:10017"])
                for arguments in (("127.0.0.1:10017",), ("two.example:10017",), ("--tcp", "two.example:10017")):
                    self.assertEqual(run("qotd_client", *arguments, under=network.enter)[0], 0, arguments)
                self.assertEqual(server.stop(), 0)
            with Server("qotd_server", "udp://127.0.0.1:17", "tcp://127.0.0.1:17", listeners=2, under=network.enter):
                for arguments in (("127.0.0.1",), ("two.example",), ("--tcp", "two.example"), ("tcp://127.0.0.1",)):
                    self.assertEqual(run("qotd_client", *arguments, under=network.enter)[0], 0, arguments)


class Clients(Test):
    """Against peers that misbehave."""

    def test_a_plain_server(self):
        with PlainPeer("qotd_server_peer", "0", "0") as server:
            endpoint = f"127.0.0.1:{server.port()}"
            self.assertEqual(run("qotd_client", endpoint), (0, ["Words of a peer.", "In two lines."], []))
            server.out.wait_for(r"asked by \d+ b''")

    def test_it_asks_three_times(self):
        with PlainPeer("qotd_server_peer", "0", "2") as server:
            endpoint = f"udp://127.0.0.1:{server.port()}"
            self.assertEqual(run("qotd_client", "--timeout", "6s", endpoint)[:2],
                             (0, ["Words of a peer.", "In two lines."]))
            server.out.wait_for(r"asked by \d+ b''", 3)
        with Answering(None, None, None) as silent:
            self.failed("qotd_client", "--timeout", "100ms", silent.endpoint,
                        named=(silent.endpoint, "receive_timeout after 0.1 s, 3 times"))
            silent.thread.join(PATIENCE)
            self.assertEqual([data for data, _ in silent.asked], 3 * [b""])
            silent.socket.setblocking(False)
            with self.assertRaises(BlockingIOError):
                silent.socket.recv(1)

    def test_it_waits_two_seconds(self):
        with Answering(None, b"late\r\n") as peer:
            began = time.monotonic()
            self.assertEqual(run("qotd_client", peer.endpoint), (0, ["late"], []))
            self.assertGreaterEqual(time.monotonic() - began, 1.99)

    def test_a_port_that_nobody_has(self):
        with udp_socket() as held:
            held.connect(("127.0.0.1", 9))  # for all others the port is closed
            where = "udp://127.0.0.1:%d" % held.getsockname()[1]
            self.failed("qotd_client", "--timeout", "10m", where,  # it does not wait for what cannot come
                        named=(where, "ECONNREFUSED", "wrong port", "server not running", "firewall"))

    def test_the_limit_and_one_more(self):
        for size, status in ((512, 0), (513, 1)):
            with Answering(size * b"x") as peer:
                if status == 0:
                    self.assertEqual(run("qotd_client", peer.endpoint), (0, [512 * "x"], []))
                else:
                    self.failed("qotd_client", peer.endpoint, named=(peer.endpoint, "at most 512 bytes", "513"))
            with Conversation(lambda c: c.sendall(size * b"x")) as peer:
                if status == 0:
                    self.assertEqual(run("qotd_client", peer.endpoint), (0, [512 * "x"], []))
                else:
                    self.failed("qotd_client", peer.endpoint, named=(peer.endpoint, "at most 512 bytes"))

    def test_nothing_for_an_answer(self):
        with Answering(b"") as peer:
            self.failed("qotd_client", peer.endpoint, named=(peer.endpoint, "empty datagram"))
        with Conversation(lambda c: None) as peer:
            self.failed("qotd_client", "--tcp", f"127.0.0.1:{peer.port}", named=(peer.endpoint, "the end of the connection"))

    def test_what_is_no_text_is_escaped(self):
        with Answering(b"\x1b[2J\x00\r\n\xff\n") as peer:
            self.assertEqual(run("qotd_client", peer.endpoint), (0, [r"\x1b[2J\x00", r"\xff"], []))

    def test_an_answer_of_somebody_else_is_not_taken(self):
        with udp_socket() as server, Program("qotd_client", "udp://127.0.0.1:%d" % server.getsockname()[1]) as client:
            _, address = server.recvfrom(10)
            with udp_socket() as forger:
                forger.sendto(b"forged\r\n", address)
            server.sendto(b"true\r\n", address)
            self.assertEqual(client.wait(), 0)
            self.assertEqual(client.out.all(), ["true"])

    def test_verbose_and_source(self):
        with Answering(b"x\r\n") as peer:
            status, out, err = run("qotd_client", "-v", "--source", "127.0.0.3", peer.endpoint)
            self.assertEqual((status, out, len(err)), (0, ["x"], 1))
            address, port = peer.asked[0][1]
            self.assertEqual((address, err[0]), ("127.0.0.3", f"connected from udp://127.0.0.3:{port} to {peer.endpoint}"))
        self.failed("qotd_client", "--source", "192.0.2.1", "127.0.0.1", named=("192.0.2.1", "EADDRNOTAVAIL"))

    def test_sigint(self):
        with udp_socket() as silent, Program("qotd_client", "udp://127.0.0.1:%d" % silent.getsockname()[1]) as client:
            silent.recvfrom(10)
            client.signal(signal.SIGINT)
            self.assertEqual(client.wait(), 130)
            self.assertEqual(client.err.all(), ["caught SIGINT, exiting"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
