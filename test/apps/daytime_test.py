# SPDX-License-Identifier: BSL-1.0
"""daytime_server and daytime_client, each run as a process: every line and every exit status."""
import ast
import calendar
import re
import signal
import socket
import threading
import time
import unittest

from kernel import TracedProgram
from namespace import Namespace
from peers import Conversation, PlainPeer
from process import PATIENCE, Program, Server, run

ANY_PORT = "tcp://127.0.0.1:0"
LINE = (r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, ([A-Z][a-z]+) (\d{1,2}), (\d{4}) (\d\d):(\d\d):(\d\d)-UTC")
MONTHS = list(calendar.month_name)


def instant(line):
    """Seconds since the epoch of a line in our form."""
    month, day, year, *clock = re.fullmatch(LINE, line).groups()
    return calendar.timegm((int(year), MONTHS.index(month), int(day), *map(int, clock)))


class Test(unittest.TestCase):
    def refused(self, *command, named):
        """Exit 2, and one line that names all of these."""
        status, out, err = run(*command)
        self.assertEqual((status, out, len(err)), (2, [], 1), (command, err))
        for name in named:
            self.assertIn(name, err[0])

    def failed(self, *command, named):
        """Exit 1, and one line that names all of these; returns standard output."""
        status, out, err = run(*command)
        self.assertEqual((status, len(err)), (1, 1), (out, err))
        for name in named:
            self.assertIn(name, err[0])
        return out


class CommandLines(Test):
    def test_help_and_version(self):
        for program, words in (("daytime_server", "ENDPOINT tcp://127.0.0.1:10013 --threads --max-connections --idle --drain"),
                               ("daytime_client", "HOST ENDPOINT 13 --timeout --source --cacert -v")):
            status, out, err = run(program, "--help")
            self.assertEqual((status, err), (0, []))
            for word in words.split() + ["--help", "--version"]:
                self.assertIn(word, "\n".join(out))
            self.assertRegex(run(program, "--version")[1][0], rf"^{program} .*\d+\.\d+\.\d+$")

    def test_a_client_needs_one_host(self):
        self.refused("daytime_client", named=("HOST", "nothing"))
        self.refused("daytime_client", "a", "b", named=("HOST", '"b"'))
        self.refused("daytime_client", ":13", named=("HOST", '":13"'))
        self.refused("daytime_client", "tcp://:13", named=("HOST", '"tcp://:13"'))
        self.refused("daytime_client", "host:70000", named=("70000", "65535"))
        self.refused("daytime_client", "gopher://host", named=("gopher", "tcp://"))
        self.refused("daytime_client", "--timeout", "5", "host", named=("--timeout", '"5"'))
        self.refused("daytime_client", "--source", "here", "host", named=("--source", "here"))

    def test_datagrams_are_not_for_them(self):
        self.refused("daytime_server", "udp://127.0.0.1:0", named=("udp://127.0.0.1:0", "tcp://"))
        self.refused("daytime_client", "udp://127.0.0.1", named=("udp://127.0.0.1:13", "tcp://"))

    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            where = "tcp://127.0.0.1:%d" % taken.getsockname()[1]
            self.refused("daytime_server", where, named=(where, "EADDRINUSE"))

    def test_the_port_is_13_unless_it_is_said(self):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            port = nobody.getsockname()[1]
            for host, shown in (("127.0.0.1", "tcp://127.0.0.1:13"), ("::1", "tcp://[::1]:13"), ("[::1]", "tcp://[::1]:13"),
                                ("tcp://127.0.0.1", "tcp://127.0.0.1:13"), ("localhost", "tcp://localhost:13"),
                                (f"127.0.0.1:{port}", f"tcp://127.0.0.1:{port}"),
                                (f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port}")):
                with self.subTest(host=host):
                    self.failed("daytime_client", host, named=(shown + ":", "ECONNREFUSED", "server not running"))


class Defaults(Test):
    """In a network where every port is free."""

    def test_ports(self):
        with Namespace() as network:
            with Server("daytime_server", under=network.enter) as server:
                self.assertEqual(server.endpoint, "tcp://127.0.0.1:10013")
                self.assertEqual(run("daytime_client", "127.0.0.1:10013", under=network.enter)[0], 0)
                self.assertEqual(server.stop(), 0)
            with Server("daytime_server", "127.0.0.1:13", under=network.enter):
                self.assertEqual(run("daytime_client", "127.0.0.1", under=network.enter)[0], 0)


class Times(Test):
    def test_our_client_and_our_server(self):
        with Server("daytime_server", ANY_PORT, "[::1]:0", listeners=2) as server:
            for endpoint in server.endpoints:
                before = int(time.time())
                status, out, err = run("daytime_client", endpoint)
                self.assertEqual((status, len(out), err), (0, 2, []))
                self.assertLessEqual(before, instant(out[0]))
                self.assertLessEqual(instant(out[0]), time.time())
                self.assertEqual(out[1], "skew 0 s")
            self.assertEqual(server.stop(), 0)
            self.assertEqual(server.out.all(), [f"listening on {e}" for e in server.endpoints])

    def test_a_client_that_hears_late_of_its_connection_takes_the_server_s_clock_for_no_older(self):
        with Server("daytime_server", ANY_PORT) as server:
            with TracedProgram("daytime_client", server.endpoint, trace="connect",
                               inject=("connect:delay_exit=1500000",)) as client:  # microseconds
                self.assertEqual(client.wait(), 0)
                self.assertEqual(client.out.all()[1], "skew 0 s")
                client.calls.all()
                self.assertEqual(len(client.calls.matching(r"\(DELAYED\)$")), 1, client.calls.seen)
            self.assertEqual(server.stop(), 0)

    def test_a_plain_client_reads_one_line_and_the_end(self):
        with Server("daytime_server", ANY_PORT) as server:
            before = int(time.time())
            with PlainPeer("daytime_client_peer", server.endpoint.rpartition(":")[2]) as client:
                self.assertEqual(client.wait(), 0)
                text = ast.literal_eval(client.out.all()[0])
            self.assertTrue(text.endswith("\r\n"))
            said = instant(text[:-2])
            self.assertLessEqual(before, said)
            self.assertLessEqual(said, time.time())
            name = text.partition(",")[0]
            self.assertEqual(name, time.strftime("%A", time.gmtime(said)))
            self.assertEqual(server.stop(), 0)

    def test_the_server_does_not_wait_for_a_client_to_speak_or_to_listen(self):
        with Server("daytime_server", ANY_PORT) as server:
            with server.connect() as silent, server.connect() as talker:
                talker.sendall(b"what time is it?")
                for peer in (silent, talker):
                    text = b""
                    while piece := peer.recv(100):
                        text += piece
                    self.assertRegex(text.decode(), LINE + "\r\n$")
            self.assertEqual(server.stop(), 0)

    def test_skews_against_plain_servers_in_both_forms(self):
        for form in ("rfc", "nist"):
            for seconds, words in ((0, ""), (-3600, " (the server's clock is behind this one)"),
                                   (86400 * 400, " (the server's clock is ahead of this one)")):
                with self.subTest(form=form, seconds=seconds), \
                        PlainPeer("daytime_server_peer", "0", form, seconds) as server:
                    port = server.port()
                    begun = time.monotonic()
                    status, out, err = run("daytime_client", f"127.0.0.1:{port}")
                    taken = time.monotonic() - begun
                    self.assertEqual((status, len(out), err), (0, 2, []), out)
                    match = re.fullmatch(r"skew (-?\d+) s" + re.escape(words), out[1])
                    self.assertTrue(match, out)
                    # A line has no fraction of a second, and is of some moment of the conversation: where the clocks
                    # differ the skew may be that far off.
                    self.assertLessEqual(abs(int(match[1]) - seconds), 1 + taken if seconds else 0)

    def said(self, text):
        """What the client prints when a server says this."""
        sent = []

        def say(connection):
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            sent.append(connection.recv(100))

        with Conversation(say) as peer:
            status, out, err = run("daytime_client", peer.endpoint)
        self.assertEqual((status, err, sent), (0, [], [b""]), out)  # the client sends nothing
        return out

    def test_any_other_text_is_printed_without_a_skew(self):
        self.assertEqual(self.said(b"half past four\r\n"), ["half past four"])
        self.assertEqual(self.said(b"no line end"), ["no line end"])
        self.assertEqual(self.said(b"\r\n\r\ntwo\r\n\r\nlines\n\n"), ["two", "", "lines"])
        self.assertEqual(self.said(b"\x1b[2Jred\x00\xff\r\n"), [r"\x1b[2Jred\x00\xff"])
        for wrong in ("Friday, February 30, 2024 12:00:00-UTC", "Friday, Febuary 1, 2024 12:00:00-UTC",
                      "Friday, March 1, 2024 24:00:00-UTC", "Friday, March 1, 2024 12:60:00-UTC",
                      "Friday, March 1, 2024 12:00:61-UTC", "Friday, March 1, 2024 12:00:00-PST",
                      "60370 24-03-01 12:00:00 00 0 0 100.0 UTC(OTHER) *"):
            self.assertEqual(self.said(wrong.encode() + b"\r\n"), [wrong])

    def test_dates_are_read_right(self):
        for text, said in (("Thursday, February 29, 2024 00:00:00-UTC", "2024-02-29 00:00:00"),
                           ("Tuesday, December 31, 2024 23:59:59-UTC", "2024-12-31 23:59:59"),
                           ("Thursday, January 1, 1970 00:00:00-UTC", "1970-01-01 00:00:00"),
                           ("60369 24-02-29 00:00:00 00 0 0 100.0 UTC(NIST) *", "2024-02-29 00:00:00"),
                           ("40587 70-01-01 23:59:59 50 1 2   0.0 UTC(NIST) *", "1970-01-01 23:59:59")):
            with self.subTest(text=text):
                before = time.time()
                out = self.said(text.encode() + b"\n")
                after = time.time()
                self.assertEqual(out[0], text)
                skew = int(re.match(r"skew (-?\d+) s", out[1])[1])
                theirs = calendar.timegm(time.strptime(said, "%Y-%m-%d %H:%M:%S"))
                self.assertLessEqual(theirs - after - 1, skew)
                self.assertLessEqual(skew, theirs - before + 1)


class Clients(Test):
    """Against peers that misbehave."""

    def test_the_limit_and_one_more(self):
        with Conversation(lambda c: c.sendall(1024 * b"x")) as peer:
            self.assertEqual(run("daytime_client", peer.endpoint), (0, [1024 * "x"], []))
        with Conversation(lambda c: c.sendall(1025 * b"x")) as peer:
            self.failed("daytime_client", peer.endpoint, named=(peer.endpoint, "at most 1024 bytes"))

    def test_nothing(self):
        with Conversation(lambda c: None) as peer:
            self.failed("daytime_client", peer.endpoint, named=(peer.endpoint, "the end of the connection"))

    def test_a_server_that_says_nothing(self):
        with Conversation(lambda c: c.recv(1)) as peer:
            self.failed("daytime_client", "--timeout", "1s", peer.endpoint,
                        named=(peer.endpoint, "idle_timeout after 1 s"))

    def test_verbose_and_source(self):
        with Server("daytime_server", ANY_PORT) as server:
            status, out, err = run("daytime_client", "-v", "--source", "127.0.0.2", server.endpoint)
            self.assertEqual((status, len(out), len(err)), (0, 2, 1))
            self.assertRegex(err[0], rf"^connected from 127\.0\.0\.2:\d+ to {server.endpoint[6:]}$")
            self.assertEqual(server.stop(), 0)

    def test_sigint(self):
        accepted = threading.Event()

        def hold(connection):
            accepted.set()
            connection.recv(1)

        with Conversation(hold) as peer, Program("daytime_client", peer.endpoint) as client:
            self.assertTrue(accepted.wait(PATIENCE))
            client.signal(signal.SIGINT)
            self.assertEqual(client.wait(), 130)
            self.assertEqual(client.err.all(), ["caught SIGINT, exiting"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
