# SPDX-License-Identifier: BSL-1.0
"""message_server and message_client, each run as a process: the protocol's bytes, plain peers, and hostile ones."""
import contextlib
import json
import re
import signal
import socket
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

from certificates import Certificates
from kernel import Watch, eventually, how_many_descriptors
from ports import held_port
from process import DRAINED, PATIENCE, Program, Server, abort, receive, run

PEERS = Path(__file__).resolve().parent.parent / "peers"
LOCAL = ("127.0.0.1", "0")
ANSWERS = {"morpheus": "Follow the white rabbit. 🐰", "ring": "In the caves beneath the Misty Mountains. 💍",
           "🐶": "🐾 Playing ball! 🏐"}
REQUEST = (b'\x00g{"byteorder": "little", "content-type": "text/json", "content-encoding": "utf-8", '
           b'"content-length": 41}{"action": "search", "value": "morpheus"}')
ANSWER = ('\x00g{"byteorder": "' + sys.byteorder + '", "content-type": "text/json", "content-encoding": "utf-8", '
          '"content-length": 43}{"result": "Follow the white rabbit. 🐰"}').encode()


def with_length(header):
    return len(header).to_bytes(2, "big") + header


def message(content=b"", *, length=None, kind="text/json", encoding="utf-8", order="little", **more):
    """As Python peers write it; `length` is what content-length says."""
    header = {"byteorder": order, "content-type": kind, "content-encoding": encoding,
              "content-length": len(content) if length is None else length, **more}
    return with_length(json.dumps(header, ensure_ascii=False).encode()) + content


def binary(content, **more):
    return message(content, kind="binary/custom-client-binary-type", encoding="binary", **more)


def asking(**members):
    return message(json.dumps(members, ensure_ascii=False).encode())


def receive_message(peer):
    """The header and the content of one message."""
    header = json.loads(receive(peer, int.from_bytes(receive(peer, 2), "big")))
    return header, receive(peer, header["content-length"])


def receive_result(peer):
    header, content = receive_message(peer)
    assert header["content-type"] == "text/json", header
    return json.loads(content.decode(header["content-encoding"]))["result"]


def rest_of(peer):
    """What still comes, and how it ends."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := peer.recv(65536):
            got += piece
        return got, "end"
    return got, "reset"


class Peer(Program):
    """One of the programs of test/peers."""

    def __init__(self, name, *arguments):
        super().__init__(name + ".py", *arguments, directory=PEERS, under=[sys.executable])

    def port(self):
        return self.out.wait_for(r"listening on (\d+)")[1]


class Answering:
    """A listening socket that does one thing with its one connection, on a thread: `converse(connection)`."""

    def __init__(self, converse):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.endpoint = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.received = b""
        self.thread = threading.Thread(target=self._serve, args=(converse,), daemon=True)
        self.thread.start()

    def _serve(self, converse):
        connection, _ = self.socket.accept()
        with connection:
            connection.settimeout(PATIENCE)
            converse(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join(PATIENCE)
        self.socket.close()


def port_of(server):
    return server.endpoint.rpartition(":")[2]


class CommandLines(unittest.TestCase):
    def refused(self, command, *named):
        status, out, err = run(*command)
        self.assertEqual((status, out, len(err)), (2, [], 1), f"{command}: {err}")
        for name in (command[0] + ": ", *named):
            self.assertIn(name, err[0], command)

    def test_help_and_version(self):
        for program, words in (("message_server", "HOST PORT ENDPOINT --once --idle --cert -v"),
                               ("message_client", "HOST PORT ENDPOINT ACTION VALUE --timeout --cacert -v")):
            status, out, err = run(program, "--help")
            self.assertEqual((status, err), (0, []))
            for word in words.split():
                self.assertIn(word, "\n".join(out))
            self.assertRegex(run(program, "--version")[1][0], rf"^{program} .*\d+\.\d+\.\d+$")

    def test_wrong_usage(self):
        self.refused(("message_server",), "HOST PORT", "nothing")
        self.refused(("message_server", "127.0.0.1", "0", "3"), "HOST PORT", '"3"')
        self.refused(("message_server", "127.0.0.1", "70000"), "70000", "65535")
        self.refused(("message_server", *LOCAL, "--twice"), "--twice")
        self.refused(("message_client", "127.0.0.1", "1"), "ACTION VALUE", '"1"')
        self.refused(("message_client", "127.0.0.1", "1", "search", "a", "b"), "ACTION VALUE", '"b"')
        self.refused(("message_client", "127.0.0.1", "1", "search", "a\udcff"), "VALUE", "UTF-8", r'"a\xff"')
        self.refused(("message_client", "gopher://a:1", "search", "a"), "gopher")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.refused(("message_server", "127.0.0.1", str(taken.getsockname()[1])), "EADDRINUSE")


class Exchange(unittest.TestCase):
    def test_every_answer_of_the_table_and_none(self):
        with Server("message_server", *LOCAL) as server:
            for value, answer in ANSWERS.items():
                self.assertEqual(run("message_client", "127.0.0.1", port_of(server), "search", value),
                                 (0, [f'received "{answer}"'], []))
            for value, shown in (("nobody", "nobody"), ("", ""), ("a'b", "a'b"), ('a"b\\', r"a\"b\\"), ("é\n", r"é\n")):
                self.assertEqual(run("message_client", server.endpoint, "search", value),
                                 (0, [f'received "No match for \'{shown}\'."'], []))
            self.assertEqual(server.stop(), 0)
            self.assertRegex("\n".join(server.err.all()), f"^{DRAINED}$")

    def test_bytes_are_answered_with_their_first_ten(self):
        with Server("message_server", *LOCAL) as server:
            for action, value, first in (("double", "😃", "double😃"), ("a" * 9, "bcd", "aaaaaaaaab"), ("", "", "")):
                self.assertEqual(run("message_client", server.endpoint, action, value),
                                 (0, [f'received "First 10 bytes of request: {first}"'], []))

    def test_headers_are_printed_with_v(self):
        def line(done, length, kind="text/json", encoding="utf-8"):
            return (f'{done} byteorder "{sys.byteorder}", content-type "{kind}", content-encoding "{encoding}", '
                    f"content-length {length}")

        with Server("message_server", "-v", *LOCAL) as server:
            status, out, err = run("message_client", "-v", server.endpoint, "search", "morpheus")
            self.assertEqual((status, out), (0, ['received "Follow the white rabbit. 🐰"']))
            who = re.fullmatch(rf"connected from (127\.0\.0\.1:\d+) to {server.endpoint[6:]}", err[0])[1]
            self.assertEqual(err[1:], [line("sent", 41), line("received", 43)])
            status, _, err = run("message_client", "-v", server.endpoint, "double", "😃")
            self.assertEqual(err[1:], [line("sent", 10, "binary/custom-client-binary-type", "binary"),
                                       line("received", 37, "binary/custom-server-binary-type", "binary")])
            self.assertEqual(server.stop(), 0)
            said = server.err.all()
            self.assertEqual([each for each in said if who in each],
                             [line("received", 41) + f" from {who}", line("sent", 43) + f" to {who}"])

    def test_over_unix_sockets_and_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            with Server("message_server", f"unix:{folder}/message.sock") as server:
                self.assertEqual(run("message_client", server.endpoint, "search", "ring"),
                                 (0, [f'received "{ANSWERS["ring"]}"'], []))
            made = Certificates(folder)
            pair = made.server()
            with Server("message_server", "--cert", pair.certificate, "--key", pair.key, "tls://127.0.0.1:0") as server:
                self.assertEqual(run("message_client", "--cacert", made.ca, server.endpoint, "search", "ring"),
                                 (0, [f'received "{ANSWERS["ring"]}"'], []))
                status, out, err = run("message_client", "--cacert", made.other_ca, server.endpoint, "search", "ring")
                self.assertEqual((status, out, len(err)), (1, [], 1))
                self.assertIn("certificate_unknown_authority", err[0])

    def test_the_bytes_on_the_wire(self):
        with Server("message_server", *LOCAL) as server, server.connect() as peer:
            peer.sendall(REQUEST)
            self.assertEqual(receive(peer, len(ANSWER)), ANSWER)
            self.assertEqual((len(REQUEST), len(ANSWER)), (146, 148))

        def answer(connection):
            received.append(receive(connection, len(REQUEST)))
            connection.sendall(ANSWER)
            received.append(connection.recv(1))

        received = []
        with Answering(answer) as listening:
            self.assertEqual(run("message_client", listening.endpoint, "search", "morpheus"),
                             (0, ['received "Follow the white rabbit. 🐰"'], []))
        self.assertEqual(received, [REQUEST.replace(b"little", sys.byteorder.encode()), b""])

    def test_messages_are_answered_in_order_however_they_are_cut(self):
        values = [f"value {n}" for n in range(100)]
        stream = b"".join(asking(action="search", value=value) + binary(value.encode()) for value in values)
        with Server("message_server", *LOCAL) as server:
            for piece in (len(stream), 1000, 7):
                with server.connect() as peer:
                    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    sender = threading.Thread(target=lambda: [peer.sendall(stream[at:at + piece])
                                                              for at in range(0, len(stream), piece)])
                    sender.start()
                    for value in values:
                        self.assertEqual(receive_result(peer), f"No match for '{value}'.")
                        header, content = receive_message(peer)
                        self.assertEqual(header["content-type"], "binary/custom-server-binary-type")
                        self.assertEqual(content, b"First 10 bytes of request: " + value.encode()[:10])
                    sender.join()

    def test_a_half_closed_peer_gets_all_its_answers(self):
        with Server("message_server", *LOCAL) as server, server.connect() as peer:
            peer.sendall(REQUEST * 100)
            peer.shutdown(socket.SHUT_WR)
            self.assertEqual(rest_of(peer), (ANSWER * 100, "end"))

    def test_text_comes_in_each_encoding(self):
        with Server("message_server", *LOCAL) as server, server.connect() as peer:
            text = json.dumps({"action": "search", "value": "🐶"}, ensure_ascii=False)
            for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be"):
                peer.sendall(message(text.encode(encoding), encoding=encoding))
                self.assertEqual(receive_result(peer), ANSWERS["🐶"])
            peer.sendall(message('{"action": "search", "value": "é"}'.encode("latin-1"), encoding="latin-1"))
            self.assertEqual(receive_result(peer), "No match for 'é'.")
            peer.sendall(message(json.dumps({"action": "search", "value": "é"}).encode("ascii"), encoding="ascii"))
            self.assertEqual(receive_result(peer), "No match for 'é'.")

    def test_once_closes_after_the_first_answer_and_ignores_what_follows(self):
        with Server("message_server", "--once", *LOCAL) as server:
            with server.connect() as peer:
                peer.sendall(REQUEST + REQUEST + b"\0\0")
                self.assertEqual(rest_of(peer), (ANSWER, "end"))
            self.assertEqual(run("message_client", server.endpoint, "search", "ring")[0], 0)
            self.assertEqual(server.stop(), 0)
            self.assertRegex("\n".join(server.err.all()), f"^{DRAINED}$")

    def test_a_drain_finishes_what_has_begun(self):
        with Server("message_server", *LOCAL) as server, server.connect() as idle, server.connect() as begun:
            for peer in (idle, begun):
                peer.sendall(REQUEST)
                self.assertEqual(receive(peer, len(ANSWER)), ANSWER)
            begun.sendall(REQUEST[:100])
            server.signal(signal.SIGTERM)
            self.assertEqual(rest_of(idle), (b"", "end"))
            begun.sendall(REQUEST[100:])
            self.assertEqual(rest_of(begun), (ANSWER, "end"))
            idle.close()
            begun.close()
            self.assertEqual(server.wait(), 0)


class PlainPeers(unittest.TestCase):
    """Peers that make the calls of a tutorial's selector programs, in that order."""

    def test_plain_client_with_our_server(self):
        for once in ((), ("--once",)):
            with Server("message_server", *once, *LOCAL) as server:
                for value, answer in (*ANSWERS.items(), ("x", "No match for 'x'.")):
                    with Peer("message_client_peer", "127.0.0.1", port_of(server), "search", value) as client:
                        self.assertEqual(client.wait(), 0)
                        self.assertEqual(client.out.all()[-1], f"got result: {answer}")
                with Peer("message_client_peer", "127.0.0.1", port_of(server), "double", "😃") as client:
                    self.assertEqual(client.wait(), 0)
                    self.assertEqual(client.out.all()[-1], "got binary/custom-server-binary-type " +
                                     repr("First 10 bytes of request: double😃".encode()))
                self.assertEqual(server.stop(), 0)
                self.assertRegex("\n".join(server.err.all()), f"^{DRAINED}$")

    def test_our_client_with_plain_server(self):
        with Peer("message_server_peer", "127.0.0.1", "0") as server:
            port = server.port()
            for value, answer in (*ANSWERS.items(), ("x", "No match for 'x'.")):
                self.assertEqual(run("message_client", "127.0.0.1", port, "search", value),
                                 (0, [f'received "{answer}"'], []))
            self.assertEqual(run("message_client", "127.0.0.1", port, "double", "😃"),
                             (0, ['received "First 10 bytes of request: double😃"'], []))
            server.signal(signal.SIGINT)
            self.assertEqual(server.wait(), 0)
            self.assertFalse([line for line in server.out.all() if line.startswith("error")])


class Failures(unittest.TestCase):
    """What a client makes of a server that is none."""

    def failed(self, said, *named, arguments=()):
        def answer(connection):
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

        with Answering(answer) as listening:
            status, out, err = run("message_client", *arguments, listening.endpoint, "search", "a")
        self.assertEqual((status, out, len(err)), (1, [], 1), f"{said}: {err}")
        for name in (f"message_client: tcp://{listening.endpoint}: ", *named):
            self.assertIn(name, err[0])

    def test_answers_that_are_none(self):
        self.failed(b"", "expected an answer, got the end of the connection")
        self.failed(b"HTTP/1.1 400 Bad Request\r\n\r\n", "invalid_message_header", "1 to 16384 bytes, got 18516")
        self.failed(with_length(b"[]"), "invalid_message_header", "a JSON object")
        self.failed(message(length=-1), "invalid_message_field", "content-length", "-1")
        self.failed(message(length=1 << 40), "message_too_large", str(1 << 40))
        self.failed(ANSWER[:50], "truncated_head")
        self.failed(ANSWER[:-1], "truncated_payload", "43 bytes", "after 42")
        self.failed(message(b"\xff"), "invalid_message_content", "utf-8")
        self.failed(message(b"[]"), "invalid_message_content", "an array")
        self.failed(message(b'{"result": 7}'), "invalid_message_content", "result", "7")
        self.failed(asking(result="Error: content-length: expected 0 to 5, got 6."), '"Error: content-length')

    def test_no_server_and_a_silent_one(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = str(listening.getsockname()[1])
            status, out, err = run("message_client", "--timeout", "1s", "127.0.0.1", port, "search", "a")
            self.assertEqual((status, out), (1, []))
            self.assertIn("idle_timeout after 1 s", err[0])
        with held_port() as port:
            status, _, err = run("message_client", "127.0.0.1", port, "search", "a")
            self.assertEqual(status, 1)
            self.assertIn("ECONNREFUSED", err[0])


def keyed_twice(key, value):
    return with_length(message()[2:-1] + f', "{key}": {value}}}'.encode())


MISSING = with_length(b'{"byteorder": "little", "content-type": "text/json", "content-encoding": "utf-8"}')
RANGE = "Error: content-length: expected 0 to 1048576, got "

# What is sent, and the result in the error reply.
ANSWERED = (
    (message(length=-2), RANGE + "-2."),
    (message(length=1048577), RANGE + "1048577."),
    (message(length=10**30), RANGE + "1" + 30 * "0" + "."),
    (message(length=41.5), RANGE + "41.5."),
    (message(length="41"), RANGE + '"41".'),
    (message(length=True), RANGE + "true."),
    (message(length=None, **{"content-length": None}), RANGE + "null."),
    (message(length=[]), RANGE + "an array."),
    (MISSING, RANGE + "nothing."),
    (with_length(b"{}"), 'Error: byteorder: expected "little" or "big", got nothing.'),
    (message(order="middle"), 'Error: byteorder: expected "little" or "big", got "middle".'),
    (message(kind=None), "Error: content-type: expected a string, got null."),
    (message(encoding=8), "Error: content-encoding: expected a string, got 8."),
    (keyed_twice("content-length", 1), "Error: content-length: expected it once, got 2 of it."),
    (keyed_twice("byteorder", '"big"'), "Error: byteorder: expected it once, got 2 of it."),
    (message(), "Error: content-length: expected 1 to 1048576, got 0."),
    (message(b"\xff{}"), "Error: content: expected utf-8, got 0xff at byte 0."),
    (message(b"{}", encoding="koi8-r"), "Error: content-encoding: expected utf-8, ascii, latin-1, utf-16, utf-16-le or "
                                        'utf-16-be, got "koi8-r".'),
    (message(b"{"), 'Error: content: expected a JSON object, got "{" (incomplete JSON).'),
    (message(b"[]"), "Error: content: expected a JSON object, got an array."),
    (message(b'"' + 100_000 * b"x" + b'"'), 'Error: content: expected a JSON object, got "' + 64 * "x" + '"....'),
    (message(500_000 * b"["), 'Error: content: expected a JSON object, got "' + 64 * "[" + '"... (too deep).'),
    (asking(), "Error: action: expected a string, got nothing."),
    (asking(action="search"), "Error: value: expected a string, got nothing."),
    (asking(action="search", value=None), "Error: value: expected a string, got null."),
)
# A header that cannot be read.
UNREADABLE = (
    b"\0\0", b"\x40\x01", b"\xff\xff", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    *map(with_length, (b"[]", b"41", b"{", b'{"a": "\xff"}', b'{"a": NaN}', b'{"a": ' + 16_000 * b"[", 8_000 * b"[",
                       b"{} {}", b"\xef\xbb\xbf{}")),
)
# Begun, and never finished.
STALLED = (b"\0", b"\0g", REQUEST[:50], REQUEST[:105], REQUEST[:-1], REQUEST + b"\0")


class Hostile(unittest.TestCase):
    def test_a_message_that_is_wrong_is_told_so_and_the_connection_ended(self):
        with Server("message_server", *LOCAL) as server:
            for sent, result in ANSWERED:
                with self.subTest(sent=sent[:200]), server.connect() as peer:
                    peer.sendall(REQUEST + sent + REQUEST)
                    self.assertEqual(receive(peer, len(ANSWER)), ANSWER)
                    self.assertEqual(receive_result(peer), result)
                    self.assertEqual(rest_of(peer), (b"", "end"))
            self.assertEqual(server.stop(), 0)

    def test_an_action_that_is_none_is_an_answer_like_others(self):
        with Server("message_server", *LOCAL) as server, server.connect() as peer:
            peer.sendall(asking(action="fetch", value="x") + asking(action="", more=[1]) + REQUEST)
            self.assertEqual(receive_result(peer), "Error: invalid action 'fetch'.")
            self.assertEqual(receive_result(peer), "Error: invalid action ''.")
            self.assertEqual(receive(peer, len(ANSWER)), ANSWER)

    def test_a_header_that_cannot_be_read_ends_the_connection(self):
        with Server("message_server", *LOCAL) as server:
            for sent in UNREADABLE:
                with self.subTest(sent=sent[:100]), server.connect() as peer:
                    peer.sendall(sent)
                    self.assertEqual(rest_of(peer), (b"", "end"))
            self.assertEqual(server.stop(), 0)

    def test_what_is_wrong_is_logged(self):
        with Server("message_server", *LOCAL) as server:
            for sent, said in ((message(length=-2), "field: content-length: expected 0 to 1048576, got -2"),
                               (b"\0\0", "header: header: expected 1 to 16384 bytes, got 0")):
                with server.connect() as peer:
                    peer.sendall(sent)
                    server.err.wait_for(rf"127\.0\.0\.1:\d+: failed: invalid_message_{re.escape(said)} \(age .*")

    def test_bytes_without_content_are_answered(self):
        with Server("message_server", *LOCAL) as server, server.connect() as peer:
            peer.sendall(binary(b"") + REQUEST)
            header, content = receive_message(peer)
            self.assertEqual((header["content-length"], content), (27, b"First 10 bytes of request: "))
            self.assertEqual(receive(peer, len(ANSWER)), ANSWER)

    def test_content_may_have_1_mib_and_not_one_byte_more(self):
        with Server("message_server", *LOCAL) as server, server.connect() as peer:
            most = (1 << 20) * b"x"
            peer.sendall(binary(most))
            self.assertEqual(receive_message(peer)[1], b"First 10 bytes of request: xxxxxxxxxx")
            peer.sendall(binary(most + b"x"))
            self.assertEqual(receive_result(peer), RANGE + "1048577.")

    def test_an_answer_that_is_too_long_is_not_laid_at_the_door_of_the_request(self):
        # The answer names what was asked for, in UTF-8, which takes half as much again of these characters.
        def asked(euros):
            content = '{"action": "search", "value": "' + euros * "€" + '"}'
            return message(content.encode("utf-16-le"), encoding="utf-16-le")
        most = ((1 << 20) - len('{"result": "No match for \'\'."}')) // 3
        with Server("message_server", *LOCAL) as server, server.connect() as peer:
            peer.sendall(asked(most))
            self.assertEqual(receive_result(peer), f"No match for '{most * '€'}'.")
            peer.sendall(asked(most + 1))
            self.assertEqual(receive_result(peer), "Error: content to send: expected 0 to 1048576 bytes, got 1048578.")
            self.assertEqual(rest_of(peer), (b"", "end"))

    def test_of_members_that_are_there_twice_the_last_one_counts_and_others_are_nobody_s(self):
        with Server("message_server", *LOCAL) as server, server.connect() as peer:
            for content, result in (
                    (b'{"action": 1, "value": "x", "action": "search", "value": "ring"}', ANSWERS["ring"]),
                    (b'{"a": {"action": "x"}, "action": "search", "value": "ring", "b": [{"value": "y"}]}', ANSWERS["ring"]),
                    (b'{"\\u0061ction": "s\\u0065arch", "value": "r\\u0069ng"}', ANSWERS["ring"]),
                    (b'{"action": "search", "value": "ring", "value": 12.50}', "Error: value: expected a string, got 12.50.")):
                peer.sendall(message(content))
                self.assertEqual(receive_result(peer), result)

    def test_peers_that_reset_leave_nothing_behind(self):
        with Server("message_server", *LOCAL) as server:
            self.assertEqual(run("message_client", server.endpoint, "search", "ring")[0], 0)
            before = how_many_descriptors(server.pid)
            for sent in (b"", *STALLED, *UNREADABLE, *(each for each, _ in ANSWERED), REQUEST, 1000 * REQUEST):
                for _ in range(5):
                    peer = server.connect()
                    peer.sendall(sent)
                    abort(peer)
            self.assertTrue(eventually(lambda: how_many_descriptors(server.pid) == before), "descriptors are left over")
            self.assertEqual(run("message_client", server.endpoint, "search", "ring")[0], 0)
            self.assertEqual(server.stop(), 0)

    def test_while_they_stay_the_server_rests_and_each_is_cut_at_its_deadline(self):
        """Each hostile client ten times, none of which closes; one more sends for ever and reads nothing."""
        with Server("message_server", "--threads", "2", "--idle", "8s", *LOCAL) as server, \
                contextlib.ExitStack() as all_of_them:
            self.assertEqual(run("message_client", server.endpoint, "search", "ring")[0], 0)
            before = how_many_descriptors(server.pid)

            def ten(sent):
                for _ in range(10):
                    peer = all_of_them.enter_context(server.connect())
                    peer.sendall(sent)
                    yield peer

            begun = time.monotonic()
            silent = list(ten(b""))
            answered = [(peer, result) for sent, result in ANSWERED for peer in ten(sent)]
            ended = [peer for sent in UNREADABLE for peer in ten(sent)]
            stalled = [(peer, sent) for sent in STALLED for peer in ten(sent)]
            flood = all_of_them.enter_context(server.connect())
            flood.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                while True:
                    flood.sendall(100 * REQUEST)

            for peer, result in answered:
                self.assertEqual(receive_result(peer), result)
                self.assertEqual(rest_of(peer), (b"", "end"))
            for peer in ended:
                self.assertEqual(rest_of(peer), (b"", "end"))

            looked = time.monotonic()
            with Watch(server.pid, "epoll_wait") as watch:
                time.sleep(3)  # passage: the turns that its loops take meanwhile are counted
            turns = len(watch.calls.matching(r"\bepoll_wait\("))
            self.assertLessEqual(turns, 1000 * (time.monotonic() - looked), "its loops turn though nothing comes")
            self.assertEqual(run("message_client", server.endpoint, "search", "ring")[0], 0)

            for peer in silent:
                self.assertEqual(rest_of(peer), (b"", "end"))
            for peer, sent in stalled:
                got, end = rest_of(peer)
                self.assertEqual((got, end), (ANSWER if sent.startswith(REQUEST) else b"", "end"), sent)
            self.assertGreater(time.monotonic() - begun, 9)
            server.err.wait_for(r"127\.0\.0\.1:\d+: failed: frame_timeout: .*")
            server.err.wait_for(r"127\.0\.0\.1:\d+: failed: idle_timeout: .*")

            all_of_them.close()
            self.assertTrue(eventually(lambda: how_many_descriptors(server.pid) == before), "descriptors are left over")
            self.assertEqual(run("message_client", server.endpoint, "search", "ring")[0], 0)
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
