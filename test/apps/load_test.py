# SPDX-License-Identifier: BSL-1.0
"""load: what it sends, when, and what it says of it. bench/prove_load.py shows that it notices what servers do wrong."""
import contextlib
import fcntl
import json
import os
import pty
import re
import selectors
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest
from pathlib import Path

from kernel import TracedProgram, eventually, stopped
from ports import held_port
from process import APPS, PATIENCE, Program, Server, receive, run

BENCH = Path(os.environ["HAWSER_BENCH"])
ANY_PORT = "tcp://127.0.0.1:0"
HTTP_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!"


def measured(endpoint, *arguments):
    status, out, err = run("load", "--json", *arguments, endpoint)
    if (status, err) != (0, []):
        raise AssertionError((status, out, err))
    return json.loads(out[0])


class FullPipe:
    """A pipe that takes no byte more: who writes into it waits until it is read."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        size = fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 4096)
        self.filled = os.write(self.writer, bytes(size))

    def read(self):
        """What came behind that, to its end."""
        os.close(self.writer)
        with open(self.reader, "rb") as reader:
            return reader.read()[self.filled:]


def waits_to_write(pid):
    return "pipe_write" in Path(f"/proc/{pid}/wchan").read_text()


def counted_by_the_kernel(endpoint, name):
    """The sum of a counter that ss shows, over the connections of a listening socket, and how many these are."""
    port = endpoint.rpartition(":")[2]
    lines = subprocess.run(["ss", "-tinHO", "state", "established", "sport", "=", f":{port}"], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return sum(int(count) for line in lines for count in re.findall(rf" {name}:(\d+)", line)), len(lines)


def stalling_echo(listener, connections, after, stall):
    """Echoes messages of 64 bytes until the clients have gone. Once `after` have come it answers no further one before
    `stall` has returned."""
    listener.settimeout(PATIENCE)
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as ready:
        for _ in range(connections):
            ready.register(stack.enter_context(listener.accept()[0]), selectors.EVENT_READ)
        echoed = 0
        while ready.get_map():
            for key, _ in ready.select():
                piece = key.fileobj.recv(64, socket.MSG_WAITALL)
                if not piece:
                    ready.unregister(key.fileobj)
                    continue
                if echoed == after:
                    stall()
                with contextlib.suppress(ConnectionError):  # it did not wait so long
                    key.fileobj.sendall(piece)
                echoed += 1


def most_attempts(seconds):
    """How often one connection is tried in so long: at once, after 10 ms, 20 ms later, and so on up to a second."""
    number, wait, at = 1, 0.01, 0.01
    while at <= seconds:
        number, wait = number + 1, min(2 * wait, 1)
        at += wait
    return number


class Bytes(unittest.TestCase):
    def test_its_bytes_are_those_that_the_kernel_counts_on_the_sockets_of_the_floor(self):
        for mode, floor in (("bytes", "floor"), ("frames", "floor"), ("http", "http_floor")):
            with self.subTest(mode), Server(floor, "0", directory=BENCH) as peer:
                pipe = FullPipe()
                with subprocess.Popen([APPS / "load", "--json", "--mode", mode, "--connections", "8", "--pipeline", "4",
                                       "--messages", "20000", peer.endpoint], stdout=pipe.writer) as load:
                    # It closes its connections when its report is out.
                    self.assertTrue(eventually(lambda: waits_to_write(load.pid)))
                    kernels = {name: counted_by_the_kernel(peer.endpoint, name)
                               for name in ("bytes_received", "bytes_sent", "bytes_acked")}
                    found = json.loads(pipe.read())
                    self.assertEqual(load.wait(PATIENCE), 0)
                for name, own in (("bytes_received", "bytes_sent_in_all"), ("bytes_sent", "bytes_received_in_all"),
                                  ("bytes_acked", "bytes_received_in_all")):
                    octets, connections = kernels[name]
                    self.assertEqual(connections, 8)
                    self.assertAlmostEqual(octets / found[own], 1, delta=0.01, msg=(name, kernels, found))
                self.assertEqual(found["bytes_sent_in_all"],
                                 found["messages_in_all"] * (found["size"] + (4 if mode == "frames" else 0)))
                if mode != "http":
                    self.assertEqual(found["bytes_received_in_all"], found["bytes_sent_in_all"])


class Progress(unittest.TestCase):
    def test_it_is_seen_on_a_terminal_and_gone_before_the_report(self):
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        with Server("echo_server", "--mode", "bytes", ANY_PORT) as peer, \
                subprocess.Popen([APPS / "load", "--mode", "bytes", "--rate", "200", "--connections", "2", "--messages",
                                  "100", peer.endpoint], stdout=terminal, stderr=terminal) as load:
            os.close(terminal)
            seen = b""
            with contextlib.suppress(OSError):  # the end of a terminal
                while piece := os.read(controller, 65536):
                    seen += piece
            self.assertEqual(load.wait(PATIENCE), 0)
        os.close(controller)
        line, report = seen.split(b"\r\x1b[K100 messages in ")
        lines = [each for each in line.decode().replace("\x1b[K", "").split("\r") if each]
        self.assertEqual(lines[0], "0 messages, 0/s")
        self.assertTrue(any(re.fullmatch(r"[1-9]\d* messages, \d+/s", each) for each in lines), lines)
        self.assertIn(b"latency in us:", report)


class Errors(unittest.TestCase):
    def failed(self, status, out, err):
        """The count of each kind, and what was measured."""
        self.assertEqual((status, err, len(out)), (1, [], 1))
        found = json.loads(out[0])
        self.assertTrue(all(error["first"] for error in found["errors"].values()))
        return {kind: error["count"] for kind, error in found["errors"].items()}, found

    def test_whatever_was_sent_before_the_signal_is_lost_without_an_answer_however_soon_the_server_ends(self):
        with Server("floor", "0", directory=BENCH) as server:  # which a SIGTERM ends at once
            errors, found = self.failed(*run("load", "--json", "--connections", "8", "--pipeline", "4", "--term-pid",
                                             server.pid, "--term-after", "100ms", "--term-outstanding", "32", "--grace",
                                             "10m", server.endpoint))
        self.assertEqual((found["outstanding_at_signal"], errors["lost"], found["late"]), (32, 32, 0))

    def test_other_answers_are_counted_by_their_status(self):
        with tempfile.TemporaryDirectory() as nothing, Server("http_server", "--quiet", "--root", nothing, ANY_PORT) as peer:
            options = ("--mode", "http", "--connections", "2", "--messages", "100", peer.endpoint)
            errors, found = self.failed(*run("load", "--json", *options))
            self.assertEqual((list(errors), found["messages"]), (["status 404"], 0))
            self.assertIn(errors["status 404"], range(100, 104))
            status, out, err = run("load", *options)
            self.assertEqual((status, err), (1, []))
            self.assertRegex(out[-2], r"^10[0-3] errors; the first of each kind:$")
            self.assertRegex(out[-1], r'^ +10[0-3]  status 404: connection \d, after 0 answers: .*got "HTTP/1.1 404 Not Found"$')
            self.assertEqual(peer.stop(), 0)

    def test_it_goes_on_when_the_server_is_there_again(self):
        """The first one answers each of four connections once and goes; the second comes after a dozen attempts."""
        with held_port() as port:
            with socket.create_server(("127.0.0.1", port)) as first, \
                    TracedProgram("load", "--json", "--mode", "http", "--rate", "1000", "--connections", "4",
                                  "--messages", "500", f"tcp://127.0.0.1:{port}", trace="connect") as load:
                first.settimeout(PATIENCE)
                peers = [first.accept()[0] for _ in range(4)]
                for peer in peers:
                    peer.settimeout(PATIENCE)
                    while b"\r\n\r\n" not in peer.recv(65536):
                        pass
                    peer.sendall(HTTP_ANSWER)
                begin = time.monotonic()
                first.close()
                for peer in peers:
                    peer.close()
                load.calls.wait_for(r".*\bconnect\(.*", 4 + 4 * 3)
                with Server("http_server", "--quiet", f"tcp://127.0.0.1:{port}"):
                    gone = time.monotonic() - begin
                    errors, found = self.failed(load.wait(), load.out.all(), load.err.all())
        refused = errors.pop("connect ECONNREFUSED")
        self.assertGreaterEqual(refused, 4 * 3)
        self.assertLessEqual(refused, 4 * most_attempts(gone))
        self.assertGreaterEqual(errors.get("closed", 0) + errors.get("reset", 0), 4, errors)  # one may see both
        self.assertGreaterEqual(found["messages"], 500)
        self.assertEqual(found["messages"] + errors.get("unanswered", 0), found["due"])

    def test_it_gives_up_when_the_server_is_gone_for_good(self):
        with Server("echo_server", "--quiet", ANY_PORT) as peer, \
                Program("load", "--json", "--duration", "60s", "--patience", "3s", peer.endpoint) as load:
            self.assertTrue(eventually(lambda: counted_by_the_kernel(peer.endpoint, "bytes_received")[0] > 100_000))
            begin = time.monotonic()
            peer.signal(signal.SIGKILL)
            peer.wait()
            errors, _ = self.failed(load.wait(), load.out.all(), load.err.all())
            gone = time.monotonic() - begin
        self.assertEqual(errors["stuck"], 1)
        self.assertLessEqual(errors["connect ECONNREFUSED"], 64 * most_attempts(gone))

    def test_a_wrong_answer_is_shown_and_its_connection_replaced(self):
        with socket.create_server(("127.0.0.1", 0)) as listener, \
                Program("load", "--json", "--mode", "frames", "--connections", "1", "--pipeline", "4", "--messages", "100",
                        f"tcp://127.0.0.1:{listener.getsockname()[1]}") as load:
            listener.settimeout(PATIENCE)
            with listener.accept()[0] as wrong:
                window = receive(wrong, 4 * 68)
                wrong.sendall(window[:70] + bytes([window[70] ^ 3]) + window[71:])
                self.echo(listener.accept()[0])
            errors, found = self.failed(load.wait(), load.out.all(), load.err.all())
        self.assertEqual(errors, {"wrong answer": 1, "unanswered": 3})
        rest = r"@\x01" + 11 * r"\x00" + "T["  # of the length, the numbers of message and connection, and the pattern
        self.assertEqual(found["errors"]["wrong answer"]["first"],
                         "connection 0, after 1 answers: byte 70 of the answers, in message 1: "
                         rf'expected "\x00{rest}", got "\x03{rest}"')
        self.assertEqual(found["messages"], 101)

    def test_a_connection_without_answer_is_replaced(self):
        with socket.create_server(("127.0.0.1", 0)) as listener, \
                Program("load", "--json", "--connections", "2", "--rate", "100", "--messages", "500", "--patience",
                        "3s", f"tcp://127.0.0.1:{listener.getsockname()[1]}") as load:
            listener.settimeout(PATIENCE)
            silent, _ = listener.accept()
            with silent:
                others = []
                threading.Thread(target=self.echo_each, args=(listener, others), daemon=True).start()
                errors, found = self.failed(load.wait(), load.out.all(), load.err.all())
        self.assertEqual(set(errors), {"timeout", "unanswered"})
        self.assertGreaterEqual(len(others), 2)
        self.assertGreaterEqual(errors["timeout"], len(others) - 1)  # an echo that was late has timed out as well
        self.assertGreaterEqual(found["messages"], 500)
        self.assertEqual(found["messages"] + errors["unanswered"], found["due"])

    def echo_each(self, listener, peers):
        with contextlib.suppress(OSError):  # the listener's end
            while True:
                peers.append(listener.accept()[0])
                threading.Thread(target=self.echo, args=(peers[-1],), daemon=True).start()

    @staticmethod
    def echo(peer):
        with peer:
            while piece := peer.recv(65536):
                peer.sendall(piece)


class Load(unittest.TestCase):
    def test_every_mode_counts_its_answers(self):
        for mode, server in (("bytes", ("echo_server",)), ("frames", ("echo_server", "--mode", "frames")),
                             ("http", ("http_server",))):
            with self.subTest(mode), Server(*server, "--quiet", ANY_PORT) as peer:
                found = measured(peer.endpoint, "--mode", mode, "--connections", "8", "--messages", "2000")
                self.assertGreaterEqual(found["messages"], 2000)
                self.assertLessEqual(found["messages"], 2008)
                self.assertEqual(found["mode"], mode)
                self.assertGreater(found["latency_us"]["p50"], 0)
                self.assertLessEqual(found["latency_us"]["p50"], found["latency_us"]["p99.99"])
                self.assertLessEqual(found["latency_us"]["p99.99"], found["latency_us"]["max"])
                self.assertGreater(found["own_cpu_share"], 0)
                self.assertEqual(peer.stop(), 0)

    def test_an_open_loop_has_as_many_messages_due_as_its_rate_says(self):
        with Server("http_server", "--quiet", ANY_PORT) as peer:
            for rate in (50, 1000):
                found = measured(peer.endpoint, "--mode", "http", "--rate", rate, "--messages", 2 * rate)
                self.assertAlmostEqual(found["due"], rate * found["seconds"], delta=1)
                self.assertGreaterEqual(found["messages"], 2 * rate)
                self.assertEqual(found["messages"], found["due"])
            found = measured(peer.endpoint, "--mode", "http", "--rate", 1000, "--duration", "500ms")
            self.assertEqual((found["messages"], found["due"], found["seconds"]), (500, 500, 0.5))
            self.assertEqual(peer.stop(), 0)

    def test_what_is_due_before_the_end_is_begun_and_waited_for_and_its_latency_counts_from_then(self):
        """Each window of 16 is full when the last answers come, 1 s after message 500 has, half a second after the end."""
        with socket.create_server(("127.0.0.1", 0)) as listener, \
                Program("load", "--json", "--rate", "1000", "--duration", "1s", "--connections", "4", "--pipeline", "16",
                        "--patience", "60s", f"tcp://127.0.0.1:{listener.getsockname()[1]}") as load:
            stalling_echo(listener, connections=4, after=500, stall=lambda: time.sleep(1))  # passage: what they wait
            self.assertEqual((load.wait(), load.err.all()), (0, []))
            found = json.loads(load.out.all()[0])
        self.assertEqual((found["messages"], found["due"], found["seconds"]), (1000, 1000, 1))
        self.assertGreaterEqual(found["latency_us"]["p75"], 490_000)
        self.assertGreaterEqual(found["latency_us"]["max"], 990_000)
        self.assertGreaterEqual(found["seconds_to_last_answer"], 1.49)
        self.assertLessEqual(found["messages_per_second"], 1000 / 1.49)

    def test_what_is_due_before_the_end_and_never_answered_is_an_error(self):
        with socket.create_server(("127.0.0.1", 0)) as listener, \
                Program("load", "--json", "--rate", "1000", "--duration", "1s", "--connections", "4", "--pipeline", "16",
                        "--patience", "3s", f"tcp://127.0.0.1:{listener.getsockname()[1]}") as load:
            stalling_echo(listener, connections=4, after=500, stall=load.wait)
            self.assertEqual((load.wait(), load.err.all()), (1, []))
            found = json.loads(load.out.all()[0])
        self.assertEqual(found["messages"] + found["errors"]["unanswered"]["count"], found["due"])
        self.assertEqual(found["errors"]["stuck"]["count"], 1)
        self.assertEqual((found["messages"], found["due"]), (500, 1000))

    def test_a_latency_counts_from_when_the_message_was_due(self):
        """The server stands still at first, and 400 of 2,000 messages come due: a closed loop would send 64."""
        with Server("http_server", "--quiet", ANY_PORT) as peer:
            with stopped(peer.pid):
                load = self.enterContext(Program("load", "--json", "--mode", "http", "--rate", "1000",
                                                 "--messages", "2000", "--patience", "60s", peer.endpoint))
                self.assertTrue(eventually(lambda: counted_by_the_kernel(peer.endpoint, "bytes_received")[0] > 0))
                time.sleep(0.4)  # passage: what the messages that come due meanwhile have to wait
            self.assertEqual(load.wait(), 0)
            found = json.loads(load.out.all()[0])
            self.assertGreaterEqual(found["latency_us"]["p90"], 100_000)
            self.assertGreaterEqual(found["latency_us"]["p99"], 320_000)
            self.assertEqual(peer.stop(), 0)

    def test_wrong_command_lines(self):
        for arguments, expected in ((("--rate", "0", "--duration", "1s"), "--rate"),
                                    (("--rate", "x", "--duration", "1s"), "--rate"),
                                    (("--rate", "5", "--term-pid", "1"), "--rate and --term-pid"),
                                    (("--mode", "tcp", "--duration", "1s"), "--mode"),
                                    (("--duration", "10"), "--duration")):
            status, out, err = run("load", *arguments, "tcp://127.0.0.1:1")
            self.assertEqual((status, out, len(err)), (2, [], 1), arguments)
            self.assertIn(expected, err[0])

    def test_a_server_that_is_not_there_is_named(self):
        status, _, err = run("load", "--duration", "1s", "tcp://127.0.0.1:1")
        self.assertEqual((status, len(err)), (1, 1))
        self.assertIn("127.0.0.1:1", err[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
