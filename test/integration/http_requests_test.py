# SPDX-License-Identifier: BSL-1.0
"""http_server and its kin as processes: what a request is, what is refused, and that nothing behind a refusal is read."""
import contextlib
import itertools
import os
import time
import unittest

from http_client import Client, StreamEnded, one, request, undated
from kernel import eventually, resident, all_read
from options_server import http_options_server
from process import Server

SANITIZED = os.environ["HAWSER_BUILD"] in ("asan", "tsan")
KIB = 1024
CANARY = request("/canary")


def ambiguous():
    """Requests whose body two readers could see in two places, each with a name."""
    lengths = ["3", "0", "+3", "-3", "3,3", "3, 3", "3;", "0x3", "3 3", "", " ", "3.0", "3e0", "18446744073709551616",
               "99999999999999999999999", "\x0b3", "3\x00", "\u00b2", "three", "3,", ",3"]
    codings = ["chunked", "Chunked", "chunked, identity", "identity, chunked", "identity", "xchunked", "chunkedx", "gzip",
               "gzip, chunked", "chunked, chunked", ",chunked", "chunked,", "chunked;q=1", "\x0bchunked", "\"chunked\"",
               "chunked\x00", "chu nked", "", "deflate"]
    for length, coding in itertools.product(lengths[:14], codings):
        for first, second in ((f"Content-Length: {length}", f"Transfer-Encoding: {coding}"),
                              (f"Transfer-Encoding: {coding}", f"Content-Length: {length}")):
            yield f"POST / HTTP/1.1\r\nHost: a\r\n{first}\r\n{second}\r\n\r\n"
    for a, b in itertools.product(["3", "4", "0", "+3", ""], repeat=2):
        yield f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {a}\r\nContent-Length: {b}\r\n\r\n"
    for value in lengths[2:]:
        yield f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {value}\r\n\r\n"
    for coding in codings[2:]:
        yield f"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n"
    for a, b in itertools.product(codings[:9], repeat=2):
        yield f"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {a}\r\nTransfer-Encoding: {b}\r\n\r\n"
    for name in ("Content-Length ", "Content-Length\t", " Content-Length", "Content_Length", "Content-Length\x00",
                 "Content\rLength", "Transfer-Encoding ", "Transfer_Encoding", "\tTransfer-Encoding", "X\r\n Content-Length"):
        yield f"POST / HTTP/1.1\r\nHost: a\r\n{name}: 3\r\n\r\n"
    for coding in codings:
        yield f"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n"
    yield "POST / HTTP/1.1\r\nHost: a\nContent-Length: 3\n\n"
    yield "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 3\r\n\r\n"


class Refusals(unittest.TestCase):
    def test_no_request_behind_an_ambiguous_one_is_ever_answered(self):
        payloads = sorted(set(ambiguous()))
        self.assertGreaterEqual(len(payloads), 400)
        with http_options_server() as server:
            for payload in payloads:
                with self.subTest(payload=payload), Client(server) as client:
                    client.send(payload.encode("utf-8") + b"0\r\n\r\n" + CANARY)
                    first = client.response()
                    self.assertIn(first.status, (400, 501))
                    self.assertTrue(first.closes)
                    self.assertEqual(client.rest(), b"")
                    self.assertNotIn(b"canary", first.raw + first.body)
            self.assertEqual(server.stop(), 0)
            server.out.wait_for("handled 0 .*")

    def test_what_follows_a_body_that_breaks_is_not_answered(self):
        head = request("/echo", "Transfer-Encoding: chunked", method="POST")
        bodies = [b"x\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"+3\r\nabc\r\n0\r\n\r\n", b"3\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n",
                  b"3\r\nabc\n0\r\n\r\n", b"100000004\r\nabc\r\n0\r\n\r\n", b"ffffffffffffffff3\r\nabc\r\n0\r\n\r\n", b" 3\r\nabc\r\n0\r\n\r\n",
                  b"3;a=\"\r\nabc\r\n0\r\n\r\n", b"3 ;a=b\r\nabc\r\n0\r\n\r\n", b"3;" + b"a" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
                  b"-1\r\n", b"\r\n3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\nContent-Length: 3\n\r\n", b"3\r\nabc\r\n0\r\n" + b"A: b\r\n" * 4000 + b"\r\n"]
        with http_options_server() as server:
            for body in bodies:
                with self.subTest(body=body[:40]), Client(server) as client:
                    client.send(head + body + CANARY)
                    first = client.response()
                    self.assertIn(first.status, (400, 413, 431))
                    self.assertTrue(first.closes)
                    self.assertEqual(client.rest(), b"")

    def test_lines_names_and_versions_that_are_not_http_1_1(self):
        cases = {
            400: ["GET /\r\nHost: a\r\n\r\n", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
                  "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                  "GET / http/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
                  "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
                  "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
                  "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
                  "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nA: b\x00c\r\n\r\n",
                  "GET !x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n",
                  "GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n"],
            505: ["GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                  "GET / HTTP/3.0\r\nHost: a\r\n\r\n"],
            501: ["FROB / HTTP/1.1\r\nHost: a\r\n\r\n", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
                  "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "M" * 65536 + " / HTTP/1.1\r\nHost: a\r\n\r\n"],
            417: ["GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n"],
        }
        with http_options_server() as server:
            for expected, texts in cases.items():
                for text in texts:
                    with self.subTest(text=text[:60]), Client(server) as client:
                        client.send(text.encode("latin-1") + CANARY)
                        answer = client.response()
                        allowed = (400, 505) if expected == 505 else (expected, 505 if "http/1.1" in text else expected)
                        self.assertIn(answer.status, allowed)
                        self.assertTrue(answer.closes)
                        self.assertEqual(client.rest(), b"")

    def test_an_upgrade_is_passed_over_and_what_it_names_stays(self):
        with http_options_server() as server, Client(server) as client:
            for fields in (["Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"],
                           ["Upgrade: websocket", "Connection: upgrade"]):
                answer = client.ask(request("/plain", *fields))
                self.assertEqual((answer.status, answer.body), (200, b"/plain"))
            smuggled = request("/echo", "Connection: Content-Length", method="POST", body=CANARY)
            answer = client.ask(smuggled)
            self.assertIn(answer.status, (200, 400))
            if answer.status == 200:
                self.assertEqual(answer.body, CANARY)

    def test_methods_and_options_of_the_server(self):
        with Server("http_server", "tcp://127.0.0.1:0") as server:
            self.assertEqual(one(server, request()).body, b"Hello, World!")
            self.assertEqual(one(server, request(method="HEAD"), "HEAD").field("Content-Length"), "13")
            self.assertEqual(one(server, request("/none")).status, 404)
            for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
                answer = one(server, request(method=method))
                self.assertEqual((answer.status, answer.field("Allow")), (405, "GET, HEAD"))
            self.assertEqual(one(server, request("*", method="OPTIONS")).status, 405)
            self.assertEqual(server.stop(), 0)

    def test_header_bombs_are_refused_early_and_cheaply(self):
        bombs = [b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * (1024 * KIB),
                 b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 100_000,
                 b"GET / HTTP/1.1\r\nHost: a\r\n" + b"n" * (64 * KIB) + b": b\r\n\r\n"]
        with http_options_server() as server:
            for bomb in bombs:
                with self.subTest(bomb=bomb[24:40]), Client(server) as client:
                    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                        client.send(bomb)
                    answer = client.response()
                    self.assertEqual(answer.status, 431)
                    self.assertTrue(answer.closes)

    def test_a_header_that_does_not_end_is_buffered_up_to_its_limit_and_no_further(self):
        count = 64
        unfinished = (b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * (16 * KIB))[:16 * KIB]
        with http_options_server(head=600_000) as server, contextlib.ExitStack() as held:
            one(server, unfinished + b"x")
            before = resident(server.pid)
            clients = [held.enter_context(Client(server)) for _ in range(count)]
            for client in clients:
                client.send(unfinished)
            self.assertTrue(eventually(lambda: all_read(*(client.socket for client in clients))))
            if not SANITIZED:
                self.assertLessEqual(resident(server.pid) - before, count * 40 * KIB)
            for client in clients:
                self.assertEqual(client.ask(b"x").status, 431)


class Bodies(unittest.TestCase):
    def test_a_body_of_get_or_head_is_never_taken_for_a_request(self):
        with http_options_server() as server:
            for method, framing in itertools.product(("GET", "HEAD", "DELETE"), ("length", "chunked")):
                with self.subTest(method=method, framing=framing), Client(server) as client:
                    if framing == "length":
                        client.send(request("/first", method=method, body=CANARY))
                    else:
                        client.send(request("/first", "Transfer-Encoding: chunked", method=method) +
                                    b"%x\r\n%b\r\n0\r\n\r\n" % (len(CANARY), CANARY))
                    client.send(request("/second", "Connection: close"))
                    self.assertEqual(client.response(method).status, 200)
                    self.assertEqual(client.response().body, b"/second")
                    self.assertEqual(client.rest(), b"")

    def test_a_request_split_at_every_byte_is_answered_the_same(self):
        text = request("/echo", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n0\r\n\r\n" + request("/next")
        with http_options_server() as server:
            with Client(server) as client:
                expected = [client.ask(text).body, client.response().body]
            self.assertEqual(expected, [b"abc", b"/next"])
            for at in range(1, len(text)):
                with self.subTest(at=at), Client(server) as client:
                    client.socket.setsockopt(6, 1, 1)  # TCP_NODELAY
                    client.send(text[:at])
                    client.send(text[at:])
                    self.assertEqual([client.response().body, client.response().body], expected)

    def test_the_bytes_of_an_answer_without_a_body(self):
        with http_options_server() as server:
            for target, method, expected in (
                    ("/none", "GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
                    ("/none", "HEAD", b"HTTP/1.1 204 No Content\r\n\r\n"),
                    ("/x", "HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
                    ("/stream", "HEAD", b"HTTP/1.1 200 OK\r\n\r\n")):
                with self.subTest(target=target, method=method), Client(server) as client:
                    client.send(request(target, method=method) + request("/x", "Connection: close"))
                    self.assertEqual(undated(client.rest()),
                                     expected + b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n/x")

    def test_a_continue_is_said_once_and_the_answer_follows(self):
        head = request("/echo", "Expect: 100-continue", "Content-Length: 3", method="POST")
        with http_options_server() as server, Client(server) as client:
            self.assertEqual(client.ask(head).raw, b"HTTP/1.1 100 Continue\r\n\r\n")
            self.assertEqual(client.ask(b"abc").body, b"abc")
        with http_options_server(grace=300) as server, Client(server) as client:  # which then sends nothing
            begin = time.monotonic()
            self.assertEqual(client.ask(head).status, 100)
            self.assertEqual(client.rest(), b"")
            self.assertGreaterEqual(time.monotonic() - begin, 0.250)
            server.err.wait_for(".*frame_timeout.*")


class Handlers(unittest.TestCase):
    def test_ten_thousand_exceptions_end_their_own_connections_alone(self):
        count = 1_000 if SANITIZED else 10_000
        kinds = ["/throw", "/number", "/memory", "/partial", "/nothing"]
        with http_options_server() as server, Client(server) as other:
            for number in range(count):
                path = kinds[number % len(kinds)]
                with Client(server) as client:
                    if path == "/partial":
                        client.send(request(path))
                        with self.assertRaises((ConnectionResetError, StreamEnded)):
                            client.response()
                    else:
                        answer = client.ask(request(path))
                        self.assertEqual((answer.status, answer.closes), (500, True))
                if number % 100 == 0:
                    self.assertEqual(other.ask(request("/alive")).body, b"/alive")
            self.assertEqual(server.stop(), 0)
            kept = (count + 99) // 100
            server.out.wait_for(f"handled {count + kept} threw {count * 4 // 5} failed {count}")


class Logs(unittest.TestCase):
    def test_what_a_client_sends_cannot_write_lines_of_the_log(self):
        attacks = [b"GET /\x1b[2J\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\x1b]0;x\x07\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\rInjected: 1\r\n\r\n",
                   b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \x1b[31m\r\n\r\n"]
        for attack in attacks:
            with self.subTest(attack=attack), Server("http_server", "tcp://127.0.0.1:0") as server:
                with Client(server) as client:
                    client.send(attack)
                    client.socket.shutdown(1)
                    client.rest()
                self.assertEqual(server.stop(), 0)
                events = [line for line in server.err.all() if "127.0.0.1" in line]
                self.assertEqual(len(events), 1, events)
                self.assertTrue(all(ord(c) >= 0x20 for c in events[0]), events)
                self.assertLessEqual(len(events[0]), 1000)

    def test_what_a_client_says_of_other_addresses_changes_nothing(self):
        with http_options_server() as server, Client(server) as client:
            plain = undated(client.ask(request("/x")).raw)
            for value in ("", "1.2.3.4", "for=1.2.3.4", ",", "127.0.0.1, 10.0.0.1", "x" * 1000):
                for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
                    self.assertEqual(undated(client.ask(request("/x", f"{name}: {value}".rstrip())).raw), plain)


if __name__ == "__main__":
    unittest.main(verbosity=2)
