# SPDX-License-Identifier: BSL-1.0
"""bench_server in its four models: what HTTP/1.1, HTTP/1.0 and ab -k are answered, what a silent client does to each,
and how each ends."""
import contextlib
import os
import re
import select
import signal
import socket
import tempfile
import time
import unittest
from pathlib import Path

from kernel import eventually, threads
from ports import held_port
from process import PATIENCE, Server, receive, run

MODELS = ("async", "threads", "processes", "blocking")
PLAIN = MODELS[1:]
KEEPING = MODELS[:3]  # connections
ANY_PORT = "tcp://127.0.0.1:0"
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
GET_1_0 = b"GET / HTTP/1.0\r\nUser-Agent: t\r\n\r\n"
AB_K = b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nHost: h\r\n\r\n"
BODY = b"Hello, World!"
# ThreadSanitizer keeps a signal that comes just before a wait until that has ended, and the plain models wait in recv
# and in accept; seldom it loses one.
TSAN = os.environ["HAWSER_BUILD"] == "tsan"
SIGNALS_IN_TIME = ("--idle", "5s") if TSAN else ()


class StoppedServer(Server):
    def stop(self, number=signal.SIGTERM):
        self.signal(number)
        for attempt in range(PATIENCE // 5 if TSAN else 0):
            if eventually(lambda: self.process.poll() is not None, 5):
                break
            if attempt % 2 == 1:
                self.signal(number)
            with contextlib.suppress(OSError), self.connect():  # ends the accept
                pass
        return self.wait()


def bench_server(model, *arguments, **options):
    where = () if "listeners" in options else (ANY_PORT,)
    return StoppedServer("bench_server", "--model", model, "--quiet", *arguments, *where, **options)


def answer(peer):
    """The status line, the fields but Date, and the body of one answer."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive(peer, 1)
    status, *lines = head.decode().split("\r\n")[:-2]
    fields = dict(line.split(": ", 1) for line in lines)
    if not re.fullmatch(r"[A-Z]\w\w, \d\d [A-Z]\w\w \d{4} \d\d:\d\d:\d\d GMT", fields.pop("Date")):
        raise AssertionError(f"no date in {head!r}")
    return status, fields, receive(peer, int(fields["Content-Length"]))


def rest(peer):
    """What comes until the end of the stream."""
    got = b""
    while piece := peer.recv(65536):
        got += piece
    return got


def asleep(pid):
    """Whether every thread of a process and of its children waits for something."""
    for thread in threads(pid):
        task = Path(f"/proc/{pid}/task/{thread}")
        if task.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "S":
            return False
        if not all(asleep(int(child)) for child in task.joinpath("children").read_text().split()):
            return False
    return True


def send_until_stuck(server, peer):
    """Sends requests, and reads nothing, until the server, whose answers nobody takes, reads no more either: it sleeps
    though there is something for it to read."""
    ready = select.poll()
    ready.register(peer, select.POLLOUT)
    requests = memoryview(10_000 * GET)
    peer.setblocking(False)
    at = 0
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if ready.poll(10):
            at = (at + peer.send(requests[at:])) % len(requests)
        elif asleep(server.pid) and not ready.poll(0):
            return
    raise AssertionError("the server takes requests without end")


def hello(**more):
    fields = {"Content-Type": "text/plain", "Content-Length": "13"}
    return "HTTP/1.1 200 OK", fields | {name.capitalize(): value for name, value in more.items()}, BODY


class BenchServer(unittest.TestCase):
    @contextlib.contextmanager
    def server(self, model, *arguments):
        """A server that ends with 0 once the block has."""
        with self.subTest(model=model), bench_server(model, *arguments) as server:
            yield server
            self.assertEqual(server.stop(), 0)

    def test_a_connection_of_http_1_1_is_kept(self):
        for model in KEEPING:
            with self.server(model) as server, server.connect() as peer:
                for _ in range(3):
                    peer.sendall(GET)
                    self.assertEqual(answer(peer), hello())

    def test_pipelined_requests_are_answered_in_one_piece_and_in_order(self):
        for model in KEEPING:
            with self.server(model) as server, server.connect() as peer:
                peer.sendall(20 * GET + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + GET)
                for _ in range(20):
                    self.assertEqual(answer(peer), hello())
                self.assertEqual(answer(peer), hello(connection="close"))
                self.assertEqual(rest(peer), b"")

    def test_a_request_that_comes_byte_by_byte_is_answered(self):
        for model in KEEPING:
            with self.server(model) as server, server.connect() as peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in GET:
                    peer.send(bytes([byte]))
                self.assertEqual(answer(peer), hello())

    def test_http_1_0_is_answered_and_closed(self):
        for model in MODELS:
            with self.server(model) as server, server.connect() as peer:
                peer.sendall(GET_1_0)
                self.assertEqual(answer(peer), hello(connection="close"))
                self.assertEqual(rest(peer), b"")

    def test_ab_k_is_kept_and_told_so(self):
        for model in KEEPING:
            with self.server(model) as server, server.connect() as peer:
                for _ in range(3):
                    peer.sendall(AB_K)
                    self.assertEqual(answer(peer), hello(connection="keep-alive"))

    def test_blocking_closes_after_each_answer(self):
        with self.server("blocking") as server:
            for request in (GET, AB_K, GET_1_0):
                with server.connect() as peer:
                    peer.sendall(request)
                    self.assertEqual(answer(peer), hello(connection="close"))
                    self.assertEqual(rest(peer), b"")

    def test_head_has_no_body(self):
        for model in MODELS:
            with self.server(model) as server, server.connect() as peer:
                peer.sendall(b"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                got = rest(peer)
                self.assertTrue(got.startswith(b"HTTP/1.1 200 OK\r\n"))
                self.assertIn(b"\r\nContent-Length: 13\r\n", got)
                self.assertTrue(got.endswith(b"\r\n\r\n"), model)

    def test_what_is_no_request_is_refused_and_nothing_after_it_answered(self):
        for bad in (b"GET / HTTP/1.1\r\n\r\n", b"hello\r\n\r\n", GET.replace(b"Host", b"Host ")):
            for model in MODELS:
                with self.server(model) as server, server.connect() as peer:
                    peer.sendall(bad + GET)
                    got = rest(peer)
                    self.assertTrue(got.startswith(b"HTTP/1.1 400 Bad Request\r\n"), got)
                    self.assertIn(b"Connection: close\r\n", got)
                    self.assertNotIn(b"HTTP/1.1 200", got)

    def test_a_body_is_never_taken_for_a_request(self):
        post = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(GET) + GET
        for model in MODELS:
            with self.server(model) as server, server.connect() as peer:
                peer.sendall(post)
                peer.shutdown(socket.SHUT_WR)
                self.assertEqual(rest(peer).count(b"HTTP/1.1 200 OK"), 1, model)

    def test_echo_returns_the_first_1024_bytes_once_and_closes(self):
        for model in MODELS:
            with self.server(model, "--reply", "echo") as server:
                for sent, back in ((b"hello", b"hello"), (bytes(1024), bytes(1024)), (GET_1_0, GET_1_0)):
                    with server.connect() as peer:
                        peer.sendall(sent)
                        self.assertEqual(rest(peer), back, model)

    def test_echo_returns_no_more_than_1024_bytes(self):
        for model in MODELS:
            with self.server(model, "--reply", "echo") as server, server.connect() as peer:
                peer.sendall(1024 * b"a" + b"b")
                self.assertEqual(receive(peer, 1024), 1024 * b"a", model)
                with contextlib.suppress(ConnectionResetError):  # the kernel's, for the byte that nobody reads
                    self.assertEqual(rest(peer), b"", model)

    def test_a_silent_client_holds_up_nobody(self):
        for model in KEEPING:
            with self.server(model) as server, server.connect(), server.connect() as peer:
                peer.sendall(GET)
                self.assertEqual(answer(peer), hello())

    def test_a_silent_client_holds_up_blocking_until_it_leaves(self):
        with self.server("blocking") as server:
            with server.connect() as silent, server.connect() as peer:
                peer.sendall(GET)
                peer.settimeout(0.3)
                self.assertRaises(TimeoutError, peer.recv, 1)
                peer.settimeout(PATIENCE)
                silent.close()
                self.assertEqual(answer(peer), hello(connection="close"))

    def test_a_silent_client_is_closed_at_the_idle_deadline(self):
        for model in MODELS:
            with self.server(model, "--idle", "200ms") as server, server.connect() as peer:
                self.assertEqual(peer.recv(1), b"")

    def test_both_signals_end_every_model_with_0_while_clients_are_silent(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for model in MODELS:
                with self.subTest(model=model, number=number), \
                        bench_server(model, *SIGNALS_IN_TIME, "--drain", "60s") as server:
                    with server.connect() as first:  # ThreadSanitizer may lose a signal that meets the first wait of all
                        first.sendall(GET_1_0)
                        self.assertEqual(answer(first), hello(connection="close"))
                        self.assertEqual(rest(first), b"")
                    with server.connect() as silent, server.connect() as kept:
                        if model != "blocking":
                            kept.sendall(GET)
                            answer(kept)
                        self.assertEqual(server.stop(number), 0)
                        if model != "blocking":  # it may not have accepted even the first
                            self.assertEqual(silent.recv(1), b"")
                        name = signal.Signals(number).name
                        server.err.wait_for(rf"caught {name}, draining \d connections")
                        server.err.wait_for(r"drained \d connections in \d+\.\d s, cut 0")

    def test_what_is_not_read_is_cut_at_the_drain_deadline(self):
        for model in ("threads", "processes"):
            with self.subTest(model=model), tempfile.TemporaryDirectory() as folder, \
                    bench_server(model, "--drain", "200ms", f"unix:{folder}/b.sock", listeners=1) as server:
                with server.connect() as peer:
                    send_until_stuck(server, peer)
                    self.assertEqual(server.stop(), 1)
                    server.err.wait_for(r"drained 0 connections in \d+\.\d s, cut 1")

    def test_the_port_can_be_had_again_at_once(self):
        for model in MODELS:
            with self.subTest(model=model), held_port() as port:
                for _ in range(2):
                    with bench_server(model, f"tcp://127.0.0.1:{port}", listeners=1) as server, server.connect() as peer:
                        peer.sendall(GET_1_0)
                        self.assertTrue(rest(peer).endswith(BODY))
                        self.assertEqual(server.stop(), 0)

    def test_each_model_listens_at_every_endpoint(self):
        for model in MODELS:
            with self.subTest(model=model), tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "b.sock")
                with bench_server(model, ANY_PORT, f"unix:{path}", listeners=2) as server:
                    for endpoint in server.endpoints:
                        server.endpoint = endpoint
                        with server.connect() as peer:
                            peer.sendall(GET_1_0)
                            self.assertEqual(answer(peer), hello(connection="close"))
                    self.assertEqual(server.endpoints[1], f"unix:{path}")
                    self.assertEqual(server.stop(), 0)
                self.assertFalse(path.exists())

    def refused(self, *arguments, named):
        status, out, err = run("bench_server", *arguments)
        self.assertEqual((status, out, len(err)), (2, [], 1), err)
        for word in named:
            self.assertIn(word, err[0])

    def test_wrong_command_lines(self):
        self.refused("--model", "fork", named=("--model", "async|threads|processes|blocking", '"fork"'))
        self.refused("--reply", "bye", named=("--reply", "hello|echo", '"bye"'))
        for model in PLAIN:
            for option in ("--threads", "--max-connections", "--per-address", "--data-limit"):
                with self.subTest(model=model, option=option):
                    self.refused("--model", model, option, "5", ANY_PORT, named=(option, "--model async"))
            self.refused("--model", model, "--no-shed", ANY_PORT, named=("--no-shed", "--model async"))
            with self.subTest(model=model), socket.create_server(("127.0.0.1", 0)) as taken, \
                    tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "first.sock")
                used = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
                self.refused("--model", model, f"unix:{path}", used, named=(used, "EADDRINUSE"))
                self.assertFalse(path.exists())
            self.refused("--model", model, "tcp://192.0.2.1:7000", named=("tcp://192.0.2.1:7000", "EADDRNOTAVAIL"))
            self.refused("--model", model, "tls://127.0.0.1:0", named=("tls://127.0.0.1:0",))


if __name__ == "__main__":
    unittest.main(verbosity=2)
