# SPDX-License-Identifier: BSL-1.0
"""echo_server, echo_client, multi_server and multi_client, each run as a process: every line and every exit status."""
import os
import random
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from kernel import eventually
from peers import Conversation
from process import APPS, PATIENCE, Program, Server, framed, receive, run

PROGRAMS = ("echo_client", "echo_server", "multi_client", "multi_server")
SERVERS = ("echo_server", "multi_server")
ANY_PORT = "tcp://127.0.0.1:0"
PEER = r"127\.0\.0\.1:\d+"
LOCAL = {"echo_server": (ANY_PORT,), "multi_server": ("127.0.0.1", "0")}


class Test(unittest.TestCase):
    def refused(self, command, *named):
        """Exit 2, nothing on standard output, and one line that names all of these."""
        status, out, err = run(*command)
        self.assertEqual((status, out, len(err)), (2, [], 1), f"{command}: {err}")
        self.assertRegex(err[0], f"^{command[0]}: ")
        for name in named:
            self.assertIn(str(name), err[0], command)
        self.assertNotRegex(err[0], r"[\x00-\x1f\x7f]")


class CommandLines(Test):
    def test_help_lists_every_option_on_standard_output(self):
        common = {"server": "--threads --max-connections --per-address --data-limit --backlog --when-full --no-shed --reuse-port --idle --drain --cert --key --admin --quiet -v",
                  "client": "--timeout --source --cacert -v"}
        own = {"echo_server": "--mode --frame-limit ENDPOINT tcp://127.0.0.1:65432",
               "echo_client": "--mode ENDPOINT TEXT tcp://127.0.0.1:65432",
               "multi_server": "HOST PORT ENDPOINT", "multi_client": "HOST PORT NUM_CONNECTIONS --message"}
        for program in PROGRAMS:
            for flag in ("--help", "-h"):
                status, out, err = run(program, flag)
                self.assertEqual((status, err), (0, []))
                for word in (common[program.split("_")[1]] + " --help --version " + own[program]).split():
                    self.assertIn(word, "\n".join(out), program)

    def test_version_is_one_line(self):
        for program in PROGRAMS:
            status, out, err = run(program, "--version")
            self.assertEqual((status, len(out), err), (0, 1, []))
            self.assertRegex(out[0], rf"^{program} .*\d+\.\d+\.\d+$")

    def test_wrong_options_of_a_server(self):
        for server in SERVERS:
            where = LOCAL[server]
            for arguments, named in (
                (("--threads", "0"), ("--threads", "0", "1")),
                (("--threads", "many"), ("--threads", "many")),
                (("--threads", "1", "--threads", "2"), ("--threads", "once", "1", "2")),
                (("--max-connections", "0"), ("--max-connections", "0")),
                (("--when-full", "drop"), ("--when-full", "wait or refuse", "drop")),
                (("--max-connections", "1e3"), ("--max-connections", "1e3")),
                (("--per-address", "-1"), ("--per-address", "-1")),
                (("--data-limit", "99999999999999999999"), ("--data-limit", "99999999999999999999")),
                (("--data-limit", "1 "), ("--data-limit", '"1 "')),
                (("--backlog", "2147483648"), ("--backlog", "2147483648")),
                (("--idle", "75"), ("--idle", '"75"', "500ms")),
                (("--idle", "10 s"), ("--idle", "10 s")),
                (("--idle", "0s"), ("--idle", "0s")),
                (("--idle", "-1s"), ("--idle", "-1s")),
                (("--idle", "infs"), ("--idle", "infs")),
                (("--drain", "5parsec"), ("--drain", "5parsec")),
                (("--drain", "999999999h"), ("--drain", "999999999h")),
                (("--drain", "\x1b[2J\n"), ("--drain", r"\x1b[2J\n")),
                (("--quiet=perhaps",), ("--quiet", "perhaps")),
                (("--no-such-option",), ("--no-such-option",)),
                (("-q",), ("-q",)),
                (("--max-connections", "5", "--per-address", "6"), ("--per-address", "6", "--max-connections", "5")),
            ):
                with self.subTest(server=server, arguments=arguments):
                    self.refused((server, *arguments, *where), *named)
                    self.refused((server, *where, *arguments), *named)
            self.refused((server, *where, "--idle"), "--idle")

    def test_wrong_options_of_echo_server(self):
        for arguments, named in (
            (("--mode", "lines"), ("--mode", "bytes or frames", "lines")),
            (("--mode", "frames", "--frame-limit", "4294967296"), ("--frame-limit", "4294967296")),
            (("--mode", "frames", "--frame-limit", "5000", "--data-limit", "100"), ("--frame-limit", "5000", "--data-limit", "100")),
            (("--frame-limit", "5000"), ("--frame-limit", "--mode frames")),
        ):
            with self.subTest(arguments=arguments):
                self.refused(("echo_server", *arguments, ANY_PORT), *named)

    def test_wrong_options_of_a_client(self):
        for client, where in (("echo_client", (ANY_PORT,)), ("multi_client", ("127.0.0.1", "0", "1"))):
            for arguments, named in (
                (("--timeout", "5"), ("--timeout", '"5"', "10s")),
                (("--source", "localhost"), ("--source", "localhost")),
                (("--threads", "1"), ("--threads",)),
            ):
                with self.subTest(client=client, arguments=arguments):
                    self.refused((client, *where, *arguments), *named)
        self.refused(("multi_client", "127.0.0.1", "1", "0"), "NUM_CONNECTIONS", "0")
        self.refused(("multi_client", "127.0.0.1", "1", "five"), "NUM_CONNECTIONS", "five")
        self.refused(("multi_client", "127.0.0.1", "1", "-1"), "-1")
        self.refused(("multi_client", "127.0.0.1", "1", "2", "3"), "HOST PORT", "3")
        self.refused(("multi_client",), "HOST PORT", "nothing")
        self.refused(("multi_server",), "HOST PORT", "nothing")
        self.refused(("multi_server", "127.0.0.1", "1", "2"), "HOST PORT", "2")

    def test_wrong_endpoints(self):
        for endpoint, named in (
            ("gopher://127.0.0.1:70", ("gopher", "tcp://")),
            ("tcp://127.0.0.1:70000", ("70000", "65535")),
            ("127.0.0.1:x", ("x", "65535")),
            ("127.0.0.1", ("127.0.0.1", "HOST:PORT")),
            ("tcp://::1:7000", ("::1", "brackets")),
            ("unix:", ("unix:", "path")),
            ("unix:/" + 200 * "x", ("107",)),
            ("", ('""',)),
            ("a\nb:1", (r"a\nb",)),
        ):
            with self.subTest(endpoint=endpoint):
                for program in ("echo_server", "multi_server", "echo_client"):
                    self.refused((program, endpoint), *named)
                self.refused(("multi_client", endpoint, "1"), *named)
        self.refused(("multi_server", "127.0.0.1", "70000"), "70000", "65535")
        self.refused(("multi_client", "127.0.0.1", "70000", "1"), "70000", "65535")

    def test_a_dash_behind_a_switch_is_no_option(self):
        self.refused(("echo_client", "127.0.0.1:1", "-v-"), '"-v-"', "--help")

    def test_fuzzed_command_lines(self):
        """200 lines of right pieces with one wrong piece among them."""
        seed = int(os.environ.get("HAWSER_SEED", random.randrange(2**32)))
        print(f"fuzzed command lines: HAWSER_SEED={seed}", flush=True)
        draw = random.Random(seed)
        right = {"server": (("--threads", "2"), ("--max-connections=10",), ("--idle", "5s"), ("--drain", "never"),
                            ("--quiet",), ("-v",), ("--backlog", "7"), ("--data-limit", "10000000")),
                 "client": (("--timeout", "1s"), ("--source", "127.0.0.1"), ("-v",))}

        def junk():
            alphabet = "0123456789abcxyz-_=:/[]{}%\\\"' .,\n\t\x1b\u00e9\U0001f430"
            return "".join(draw.choice(alphabet) for _ in range(draw.randrange(1, 40)))

        def wrong(kind):
            number = draw.choice(["0", "-1", "+1", "1.5", "0x10", "1e9", "", "99999999999999999999999", "x" + junk()])
            wait = draw.choice(["5", "1.2.3s", "s", "0s", "1d", "--", "neverr", "1e3s", "x" + junk()])
            valued = ([(f"--{n}", number) for n in ("threads", "max-connections", "per-address", "data-limit", "backlog")] +
                      [("--idle", wait), ("--drain", wait)]) if kind == "server" else [("--timeout", wait)]
            return draw.choice(valued + [("--zz" + junk(),), ("-Z",), ("-v" + junk(),)])

        for _ in range(200):
            program = draw.choice(PROGRAMS)
            kind = program.split("_")[1]
            pieces = draw.sample(right[kind], draw.randrange(len(right[kind])))
            bad = wrong(kind)
            # Given twice, an option is as wrong as its value.
            pieces = [p for p in pieces if p[0].split("=")[0] != bad[0]]
            where = {"echo_server": ANY_PORT, "echo_client": "127.0.0.1:1", "multi_server": ANY_PORT,
                     "multi_client": "127.0.0.1:1"}[program]
            pieces.insert(draw.randrange(len(pieces) + 1), bad)
            command = [program, where, *(("1",) if program == "multi_client" else ()), *(a for p in pieces for a in p)]
            with self.subTest(seed=seed, command=command):
                self.refused(command)

    def test_a_server_that_cannot_have_one_endpoint_has_none(self):
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as taken:
            path = Path(folder, "first.sock")
            used = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            self.refused(("echo_server", f"unix:{path}", used), used, "EADDRINUSE")
            self.assertFalse(path.exists())
            self.refused(("multi_server", *used.removeprefix("tcp://").split(":")), used, "EADDRINUSE")

    def test_a_path_that_is_no_socket_is_refused_and_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "notes.txt")
            path.write_text("mine")
            for server in SERVERS:
                self.refused((server, f"unix:{path}"), path, "socket")
            self.assertEqual(path.read_text(), "mine")
            self.refused(("echo_server", f"unix:{folder}/missing/echo.sock"), "missing/echo.sock", "ENOENT")

    def test_an_address_of_another_machine_is_refused(self):
        self.refused(("echo_server", "tcp://192.0.2.1:7000"), "tcp://192.0.2.1:7000", "EADDRNOTAVAIL")


class Echo(Test):
    def test_hello_world(self):
        for mode in ("bytes", "frames"):
            with self.subTest(mode=mode), Server("echo_server", "--mode", mode, ANY_PORT) as server:
                self.assertEqual(run("echo_client", "--mode", mode, server.endpoint),
                                 (0, ['received "Hello, world"'], []))
                peer = server.err.wait_for(rf"connected by ({PEER})")[1]
                server.err.wait_for(re.escape(f'echoing "Hello, world" to {peer}'))
                server.err.wait_for(re.escape(f"closing connection to {peer}"))
                self.assertEqual(server.stop(), 0)
                self.assertEqual(server.out.all(), [f"listening on {server.endpoint}"])

    def test_every_text_is_sent_as_it_was_typed(self):
        with Server("echo_server", "--quiet", ANY_PORT) as server:
            status, out, err = run("echo_client", server.endpoint, "one", "", "[1,2]", "{}", "a b", "--", "-v", "--help")
            self.assertEqual((status, err), (0, []))
            self.assertEqual(out, [f'received "{t}"' for t in ("one", "", "[1,2]", "{}", "a b", "-v", "--help")])

    def test_each_line_of_standard_input_is_sent(self):
        for mode in ("bytes", "frames"):
            with self.subTest(mode=mode), Server("echo_server", "--mode", mode, "--quiet", ANY_PORT) as server:
                status, out, err = run("echo_client", "--mode", mode, server.endpoint, "first", "-",
                                       input="one\n\nthree é\nno newline".encode())
                self.assertEqual((status, err), (0, []))
                self.assertEqual(out, [f'received "{t}"' for t in ("first", "one", "", "three é", "no newline")])

    def test_a_text_longer_than_every_buffer_comes_back(self):
        line = 20_000_000 * b"x"
        with Server("echo_server", "--quiet", ANY_PORT) as server:
            status, out, err = run("echo_client", server.endpoint, "-", input=line)
            self.assertEqual((status, out, err), (0, ['received "' + 256 * "x" + '"... (20000000 bytes)'], []))

    def test_payloads_are_quoted(self):
        cases = (
            (b'say "\\"', r'"say \"\\\""'),
            (b"\n\r\t", r'"\n\r\t"'),
            (bytes((0, 1, 0x1B, 0x7F)), r'"\x00\x01\x1b\x7f"'),
            ("é 🐰 日本".encode(), '"é 🐰 日本"'),
            (b"\xff\xc3(\xe2\x82", r'"\xff\xc3(\xe2\x82"'),
            (b"\xc0\x80\xed\xa0\x80\xf5\x80\x80\x80", r'"\xc0\x80\xed\xa0\x80\xf5\x80\x80\x80"'),
            ("\u0085\u202e\u2028".encode(), r'"\xc2\x85\xe2\x80\xae\xe2\x80\xa8"'),
            (b"", '""'),
            (256 * b"x", '"' + 256 * "x" + '"'),
            (257 * b"x", '"' + 256 * "x" + '"... (257 bytes)'),
            (300 * b"\0", '"' + 256 * r"\x00" + '"... (300 bytes)'),
            (255 * b"x" + "é".encode(), '"' + 255 * "x" + '"... (257 bytes)'),
        )
        with Server("echo_server", "--mode", "frames", ANY_PORT) as server, server.connect() as peer:
            for payload, shown in cases:
                with self.subTest(payload=payload):
                    peer.sendall(framed(payload))
                    self.assertEqual(receive(peer, 4 + len(payload)), framed(payload))
                    server.err.wait_for(re.escape(f"echoing {shown} to ") + PEER)
            peer.close()
            self.assertEqual(server.stop(), 0)
            for line in server.err.all():
                self.assertNotRegex(line, r"[\x00-\x1f\x7f]")

    def test_http_is_hinted_at_once_and_echoed(self):
        request = b"GET / HTTP/1.0\r\n\r\n"
        for quiet in ((), ("--quiet",)):
            with self.subTest(quiet=quiet), Server("echo_server", *quiet, ANY_PORT) as server:
                for _ in range(2):
                    with server.connect() as peer:
                        peer.sendall(request)
                        self.assertEqual(receive(peer, len(request)), request)
                hint = "this looks like HTTP; bench_server answers ab and wrk"
                server.err.wait_for(re.escape(hint))
                self.assertEqual(server.stop(), 0)
                self.assertEqual(server.err.all().count(hint), 1)

    def test_a_web_client_on_a_frame_port_is_named_in_the_error(self):
        with Server("echo_server", "--mode", "frames", ANY_PORT) as server:
            with server.connect() as peer:
                peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                server.err.wait_for(".*frame_too_large.*looks like HTTP.*")
            self.assertEqual(server.stop(), 0)

    def test_quiet_has_no_line_for_connections_and_payloads(self):
        for server_name in SERVERS:
            with self.subTest(server=server_name), Server(server_name, "--quiet", *LOCAL[server_name]) as server:
                self.assertEqual(run("echo_client", server.endpoint)[0], 0)
                self.assertEqual(server.stop(), 0)
                for line in server.err.all():
                    self.assertNotRegex(line, "connected by|accepted|echoing|closing")

    def test_a_frame_over_the_limit_is_refused_and_the_limit_itself_passes(self):
        with Server("echo_server", "--mode", "frames", "--frame-limit", "1000", ANY_PORT) as server:
            with server.connect() as peer:
                peer.sendall(framed(1000 * b"x"))
                self.assertEqual(receive(peer, 1004), framed(1000 * b"x"))
                peer.sendall((1001).to_bytes(4, "big"))
                with self.assertRaises(ConnectionResetError):
                    while peer.recv(4096):
                        pass
                    raise ConnectionResetError  # an end of stream will do
            server.err.wait_for(r".*frame_too_large.*")
            self.assertEqual(server.stop(), 0)

    def test_idle_and_data_limits_end_a_session_and_say_why(self):
        for arguments, data, reason in ((("--idle", "100ms"), b"", "idle_timeout"), (("--data-limit", "10"), 11 * b"x", "data_limit")):
            with self.subTest(reason=reason), Server("echo_server", *arguments, ANY_PORT) as server:
                with server.connect() as peer:
                    peer.sendall(data)
                    try:
                        while peer.recv(4096):
                            pass
                    except ConnectionResetError:
                        pass
                server.err.wait_for(f".*{reason}.*")
                self.assertEqual(server.stop(), 0)

    def test_several_endpoints_and_unix_sockets(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "echo.sock")
            with Server("echo_server", ANY_PORT, f"unix:{path}", "[::1]:0", listeners=3) as server:
                self.assertRegex(server.endpoints[0], r"^tcp://127\.0\.0\.1:[1-9]\d*$")
                self.assertEqual(server.endpoints[1], f"unix:{path}")
                self.assertRegex(server.endpoints[2], r"^tcp://\[::1\]:[1-9]\d*$")
                for endpoint in server.endpoints:
                    self.assertEqual(run("echo_client", endpoint, "over " + endpoint),
                                     (0, [f'received "over {endpoint}"'], []))
                server.err.wait_for(r"connected by \[::1\]:\d+")
                server.err.wait_for(r"connected by unix:.*")
                self.assertEqual(server.stop(), 0)
            self.assertFalse(path.exists())

    def test_verbose_lines(self):
        with Server("echo_server", "-v", "--backlog", "2000000000", ANY_PORT) as server:
            server.err.wait_for(r"descriptor limit: \w+ at start, raised to \w+")
            server.err.wait_for(r"--backlog 2000000000: .*\d+.*net\.core\.somaxconn.*")
            status, out, err = run("echo_client", "-v", "--source", "127.0.0.2", server.endpoint)
            self.assertEqual((status, out, len(err)), (0, ['received "Hello, world"'], 1))
            local = re.fullmatch(rf"connected from (127\.0\.0\.2:\d+) to {server.endpoint[6:]}", err[0])[1]
            server.err.wait_for(re.escape(f"connected by {local}"))
            self.assertEqual(server.stop(), 0)


class Multi(Test):
    def test_connections_exchange_their_messages_to_the_letter(self):
        count = 5
        with Server("multi_server", "127.0.0.1", "0") as server:
            address = server.endpoint.removeprefix("tcp://")
            status, out, err = run("multi_client", *address.split(":"), count)
            self.assertEqual((status, err), (0, []))
            self.assertEqual(out[:count], [f"starting connection {n} to {address}" for n in range(1, count + 1)])
            self.conversations(out[count:], count, ["Message 1 from client.", "Message 2 from client."])

            accepted = {m[1] for m in server.err.wait_for(rf"accepted connection from ({PEER})", count)}
            closed = {m[1] for m in server.err.wait_for(rf"closing connection to ({PEER})", count)}
            self.assertEqual((len(accepted), accepted), (count, closed))
            self.assertEqual(server.stop(), 0)
            for peer in accepted:
                echoed = "".join(m[1] for m in (re.fullmatch(rf'echoing "(.*)" to {re.escape(peer)}', l)
                                                for l in server.err.all()) if m)
                self.assertEqual(echoed, "Message 1 from client.Message 2 from client.")

    def conversations(self, lines, count, messages):
        for number in range(1, count + 1):
            own = [l for l in lines if re.search(rf" connection {number}$", l)]
            sending = [l for l in own if l.startswith("sending")]
            self.assertEqual(sending, [f'sending "{m}" to connection {number}' for m in messages])
            received = [re.fullmatch(rf'received "(.*)" from connection {number}', l) for l in own]
            self.assertEqual("".join(m[1] for m in received if m), "".join(messages))
            self.assertEqual(own[-1], f"closing connection {number}")
            self.assertEqual(len(own), len(messages) + sum(m is not None for m in received) + 1)

    def test_messages_of_ones_own_and_an_endpoint(self):
        with tempfile.TemporaryDirectory() as folder, Server("multi_server", f"unix:{folder}/multi.sock") as server:
            status, out, err = run("multi_client", server.endpoint, "3", "--message", "[1,2]", "--message", "-3")
            self.assertEqual((status, err), (0, []))
            self.conversations(out[3:], 3, ["[1,2]", "-3"])
            self.assertEqual(server.stop(), 0)

    def test_ipv6_needs_no_brackets_beside_a_port(self):
        with Server("multi_server", "::1", "0") as server:
            port = server.endpoint.rpartition(":")[2]
            self.assertEqual(server.endpoint, f"tcp://[::1]:{port}")
            status, out, err = run("multi_client", "::1", port, "1")
            self.assertEqual((status, out[0], err), (0, f"starting connection 1 to [::1]:{port}", []))
            self.assertEqual(server.stop(), 0)

    def test_a_coalesced_echo_is_one_line(self):
        both = "Message 1 from client.Message 2 from client."
        with Conversation(lambda c: c.sendall(receive(c, len(both)))) as peer:
            status, out, err = run("multi_client", "127.0.0.1", peer.port, "1")
            self.assertEqual((status, err), (0, []))
            self.assertEqual(out, [f"starting connection 1 to 127.0.0.1:{peer.port}",
                                   'sending "Message 1 from client." to connection 1',
                                   'sending "Message 2 from client." to connection 1',
                                   f'received "{both}" from connection 1', "closing connection 1"])

    def test_many_connections_at_once(self):
        with Server("multi_server", "--quiet", "127.0.0.1", "0") as server:
            status, out, err = run("multi_client", *server.endpoint.removeprefix("tcp://").split(":"), "300")
            self.assertEqual((status, err), (0, []))
            self.conversations(out[300:], 300, ["Message 1 from client.", "Message 2 from client."])
            self.assertEqual(server.stop(), 0)

    def test_large_messages_do_not_wait_for_each_other(self):
        messages = [c * 120_000 for c in "abcdefghij"]
        with Server("multi_server", "--quiet", "127.0.0.1", "0") as server:
            arguments = [a for m in messages for a in ("--message", m)]
            status, out, err = run("multi_client", *server.endpoint.removeprefix("tcp://").split(":"), "2", *arguments)
            self.assertEqual((status, err), (0, []))
            self.assertEqual(sorted(l for l in out if l.startswith("closing")), ["closing connection 1", "closing connection 2"])
            self.assertEqual(server.stop(), 0)


class Clients(Test):
    """Against peers that misbehave."""

    def failed(self, command, *named):
        """Exit 1, and one line that names all of these; returns standard output."""
        status, out, err = run(*command)
        self.assertEqual((status, len(err)), (1, 1), (out, err))
        for name in named:
            self.assertIn(name, err[0])
        return out

    def test_a_closed_port(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))  # and does not listen
            port = bound.getsockname()[1]
            causes = ("ECONNREFUSED", "wrong port", "server not running", "firewall", f"tcp://127.0.0.1:{port}")
            self.assertEqual(self.failed(("echo_client", f"127.0.0.1:{port}"), *causes), [])
            self.failed(("multi_client", "127.0.0.1", port, "3"), *causes)

    def test_a_path_without_a_server(self):
        with tempfile.TemporaryDirectory() as folder:
            self.failed(("echo_client", f"unix:{folder}/none"), f"unix:{folder}/none", "ENOENT")

    def test_a_server_that_does_not_accept(self):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            waiting = []
            for _ in range(4):  # more than the queue takes: later handshakes are dropped
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex(full.getsockname())
                waiting.append(s)
            where = f"tcp://127.0.0.1:{full.getsockname()[1]}"
            self.failed(("echo_client", "--timeout", "300ms", where), where, "connect_timeout after 0.3 s")
            self.failed(("multi_client", "--timeout", "0.2s", where, "2"), where, "connect_timeout after 0.2 s")
            for s in waiting:
                s.close()

    def test_a_server_that_does_not_answer(self):
        with Conversation(lambda c: (receive(c, 12), c.recv(1))) as peer:
            self.failed(("echo_client", "--timeout", "1s", peer.endpoint), peer.endpoint, "idle_timeout after 1 s")

    def test_an_early_end(self):
        with Conversation(lambda c: c.sendall(receive(c, 12)[:5])) as peer:
            self.assertEqual(self.failed(("echo_client", peer.endpoint), peer.endpoint, '", world"', "the end"), [])
        with Conversation(lambda c: receive(c, 16)) as peer:
            self.failed(("echo_client", "--mode", "frames", peer.endpoint), peer.endpoint, '"Hello, world"', "the end")
        with Conversation(lambda c: c.sendall(receive(c, 16)[:7])) as peer:
            self.failed(("echo_client", "--mode", "frames", peer.endpoint), peer.endpoint, "truncated_payload")
        with Conversation(lambda c: c.sendall(receive(c, 44)[:30])) as peer:
            self.failed(("multi_client", peer.endpoint, "1"), peer.endpoint, "14 bytes early")

    def test_other_bytes(self):
        with Conversation(lambda c: (receive(c, 12), c.sendall(b"Jello, world"))) as peer:
            self.assertEqual(self.failed(("echo_client", peer.endpoint), peer.endpoint, '"Jello, world"'), [])
        with Conversation(lambda c: (receive(c, 16), c.sendall(framed(b"Hello")))) as peer:
            self.failed(("echo_client", "--mode", "frames", peer.endpoint), peer.endpoint, '"Hello"')
        with Conversation(lambda c: c.sendall(receive(c, 44).upper())) as peer:
            self.failed(("multi_client", peer.endpoint, "1"), peer.endpoint, "MESSAGE 1")

    def test_an_echo_in_single_bytes(self):
        def trickle(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in receive(connection, 12):
                connection.sendall(bytes((byte,)))

        with Conversation(trickle) as peer:
            self.assertEqual(run("echo_client", peer.endpoint), (0, ['received "Hello, world"'], []))

    def test_sigint(self):
        accepted = threading.Event()

        def hold(connection):
            connection.recv(1)
            accepted.set()
            while connection.recv(100):
                pass  # no answer, and no end before the client's

        for client, where in (("echo_client", ()), ("multi_client", ("1",))):
            with self.subTest(client=client), Conversation(hold) as peer:
                accepted.clear()
                with Program(client, peer.endpoint, *where) as program:
                    self.assertTrue(accepted.wait(PATIENCE))
                    program.signal(signal.SIGINT)
                    self.assertEqual(program.wait(), 130)
                    self.assertEqual(program.err.all(), ["caught SIGINT, exiting"])

    def test_standard_output_that_is_full(self):
        with Server("echo_server", "--quiet", ANY_PORT) as server, open("/dev/full", "wb") as full:
            done = subprocess.run([str(APPS / "echo_client"), server.endpoint], stdout=full, stderr=subprocess.PIPE,
                                  timeout=PATIENCE)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"standard output", done.stderr)


class Ends(Test):
    def test_either_signal_drains_an_idle_connection(self):
        for name in SERVERS:
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(server=name, signal=number.name), Server(name, *LOCAL[name]) as server:
                    with server.connect() as peer:
                        peer.sendall(b"x")
                        receive(peer, 1)
                        server.signal(number)
                        server.err.wait_for(rf"caught {number.name}, draining 1 connections?")
                        self.assertEqual(peer.recv(1), b"")
                    self.assertEqual(server.wait(), 0)
                    self.assertGreater(len(server.err.all()), 4)  # the report follows

    def test_without_connections(self):
        with Server("echo_server", ANY_PORT) as server:
            self.assertEqual(server.stop(signal.SIGINT), 0)
            self.assertIn("caught SIGINT, draining 0 connections", server.err.all())

    def half_a_frame(self, *options):
        server = Server("echo_server", "--mode", "frames", *options, ANY_PORT)
        peer = server.connect()
        peer.sendall(framed(b"whole") + framed(b"torn")[:6])
        receive(peer, 9)
        return server, peer

    def test_a_begun_frame_is_awaited(self):
        server, peer = self.half_a_frame("--drain", "never")
        with server, peer:
            server.signal(signal.SIGTERM)
            server.err.wait_for("caught SIGTERM, draining 1 connections?")
            peer.sendall(framed(b"torn")[6:])
            self.assertEqual(receive(peer, 8), framed(b"torn"))
            self.assertEqual(peer.recv(1), b"")
            peer.close()
            self.assertEqual(server.wait(), 0)

    def test_the_second_signal_cuts(self):
        for first, second in ((signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)):
            server, peer = self.half_a_frame("--drain", "never")
            with self.subTest(first=first.name, second=second.name), server, peer:
                server.signal(first)
                server.err.wait_for(f"caught {first.name}, draining 1 connections?")
                server.signal(second)
                self.assertEqual(server.wait(), 1)
                address = "127.0.0.1:%d" % peer.getsockname()[1]
                self.assertTrue([l for l in server.err.all() if "cut" in l and address in l], server.err.seen)

    def test_the_drain_deadline_cuts(self):
        server, peer = self.half_a_frame("--drain", "100ms")
        with server, peer:
            self.assertEqual(server.stop(), 1)


class Logging(Test):
    """Standard error that does not take the lines."""

    FRAMES = 20_000

    def flood(self, server, count):
        """Sends so many frames and reads their echoes."""
        with server.connect() as peer:
            sender = threading.Thread(target=peer.sendall, args=(count * framed(b"x"),))
            sender.start()
            receive(peer, 5 * count)
            sender.join()

    @staticmethod
    def counted(lines):
        """How many lines about frames and connections there are, and how many were left out, as others say."""
        left_out = [int(m[1]) for m in (re.match(r"left out (\d+) log lines: ", l) for l in list(lines)) if m]
        return sum(bool(re.match("connected by|echoing|closing", l)) for l in list(lines)), sum(left_out)

    def test_nobody_reads_it_and_then_somebody_does(self):
        reader, writer = os.pipe()
        with Server("echo_server", "--mode", "frames", ANY_PORT, stderr=writer) as server:
            os.close(writer)
            self.flood(server, self.FRAMES)
            text = []
            with os.fdopen(reader, "rb") as stream:
                gather = threading.Thread(target=lambda: text.extend(l.decode() for l in stream))
                gather.start()
                # The queue is taken now; these lines come after it.
                self.flood(server, 1)
                self.assertTrue(eventually(lambda: sum(self.counted(text)) >= self.FRAMES + 1 + 4))
                self.assertEqual(server.stop(), 0)
                gather.join(PATIENCE)
            kept, left_out = self.counted(text)
            self.assertGreater(left_out, 0)
            self.assertEqual(kept + left_out, self.FRAMES + 1 + 4)
            self.assertTrue(all(l.endswith("\n") for l in text))

    def test_nobody_ever_reads_it(self):
        reader, writer = os.pipe()
        with Server("echo_server", "--mode", "frames", ANY_PORT, stderr=writer) as server:
            os.close(writer)
            self.flood(server, self.FRAMES)
            self.assertEqual(server.stop(), 0)
            os.close(reader)

    def test_its_reader_has_gone(self):
        reader, writer = os.pipe()
        with Server("echo_server", "--mode", "frames", ANY_PORT, stderr=writer) as server:
            os.close(writer)
            os.close(reader)
            self.flood(server, 100)
            self.assertEqual(server.stop(), 0)

    def test_its_disk_is_full(self):
        with open("/dev/full", "wb") as full, Server("echo_server", "--mode", "frames", ANY_PORT, stderr=full) as server:
            self.flood(server, 100)
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
