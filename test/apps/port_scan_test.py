# SPDX-License-Identifier: BSL-1.0
"""port_scan as a process: every port's state, how many it asks at once and how soon one after the other, and what it
does to the machine."""
import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import unittest

from kernel import TracedProgram
from namespace import Namespace
from process import Program, run, text

EVERY_PORT = "1-65535"
LISTEN = """
import socket, sys
sockets = [socket.create_server(("127.0.0.1", int(port))) for port in sys.argv[1:]]
print("ready", flush=True)
sys.stdin.read()
"""

# Five times a socket connects to the first port of the range; a reset leaves that port free again.
MEET_ITSELF = """
import socket, struct
for _ in range(5):
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if one.connect_ex(("127.0.0.1", 40000)) == 0 and one.getsockname() == one.getpeername():
            print("itself")
"""


class Test(unittest.TestCase):
    def refused(self, *arguments, named):
        status, out, err = run("port_scan", *arguments)
        self.assertEqual((status, out, len(err)), (2, [], 1), f"{arguments}: {err}")
        for name in named:
            self.assertIn(name, err[0])


class CommandLines(Test):
    def test_help_and_version(self):
        status, out, err = run("port_scan", "--help")
        self.assertEqual((status, err), (0, []))
        for word in "HOST PORTS --timeout --parallel --rate --source -v --verbose --json --version 0.5 256 10000".split():
            self.assertIn(word, "\n".join(out))
        self.assertRegex(run("port_scan", "--version")[1][0], r"^port_scan .*\d+\.\d+\.\d+$")

    def test_wrong_usage(self):
        for ports, named in (("", '""'), ("0", "65535"), ("65536", "65536"), ("22,", '""'), ("9-8", "9-8"), ("1-", '""'),
                             ("-5", "-5"), ("22;80", "22;80"), ("http", "http"), ("1-2-3", "2-3")):
            with self.subTest(ports=ports):
                self.refused("127.0.0.1", "--", ports, named=(named,))
        self.refused("127.0.0.1", named=("HOST PORTS",))
        self.refused("127.0.0.1", "1", "--timeout", "1", named=("--timeout", '"1"'))
        self.refused("127.0.0.1", "1", "--parallel", "0", named=("--parallel", "65535"))
        self.refused("127.0.0.1", "1", "--rate", "0", named=("--rate", "1000000"))
        self.refused("127.0.0.1", "1", "--source", "here", named=("--source", '"here"'))
        self.refused("a" * 64, "1", named=("64 bytes", "63"))

    def test_a_host_without_an_address(self):
        status, out, err = run("port_scan", "256.1.1.1.", "80")
        self.assertEqual((status, out, len(err)), (1, [], 1))
        self.assertRegex(err[0], r"^port_scan: 256\.1\.1\.1\.: EAI_")


class InANamespace(Test):
    """Nothing listens but what a test lets listen."""

    @classmethod
    def setUpClass(cls):
        cls.network = Namespace()
        cls.addClassCleanup(cls.network.__exit__)

    @contextlib.contextmanager
    def listening(self, *ports):
        holder = subprocess.Popen([*self.network.enter, sys.executable, "-c", LISTEN, *map(str, ports)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            self.assertEqual(holder.stdout.readline(), b"ready\n")
            yield
        finally:
            holder.communicate()

    def run_here(self, *arguments, under=(), network=None):
        return run("port_scan", *arguments, under=(*(network or self.network).enter, *under))

    def scan(self, *arguments, network=None):
        """{port: (state, error)}, and seconds."""
        status, out, err = self.run_here("--json", *arguments, network=network)
        self.assertEqual((status, len(out)), (0, 1), err)
        report = json.loads(out[0])
        return {p["port"]: (p["state"], p.get("error")) for p in report["ports"]}, report["seconds"]


class Scans(InANamespace):
    def test_every_port_at_the_default_rate(self):
        ports = {1, 1023, *range(1024, 65536, 3001), 32767, 32768, 60999, 61000, 65535}  # the upper half is for connections
        with self.listening(*ports):
            found, seconds = self.scan("127.0.0.1", EVERY_PORT, "--timeout", "10s")  # none of them is filtered
        self.assertEqual(found, {port: ("open", None) if port in ports else ("closed", "ECONNREFUSED")
                                 for port in range(1, 65536)})
        self.assertGreater(seconds, 6.5)  # at 10,000 a second

    def test_text_lists_open_ports_and_counts_what_is_alike(self):
        with self.listening(1345, 40000):
            status, out, err = self.run_here("127.0.0.1", "1345,2000-2019,40000")
            self.assertEqual((status, err), (0, []))
            self.assertEqual([" ".join(line.split()[:3]) for line in out[:-1]],
                             ["1345 open", *(f"{port} closed (ECONNREFUSED)" for port in range(2000, 2020)), "40000 open"])
            self.assertRegex(out[-1], r"^2 open, 20 closed in \d+\.\d\d s$")
            status, out, err = self.run_here("127.0.0.1", "1345,2000-2020,40000")
            self.assertEqual((status, err, len(out)), (0, [], 4))
            self.assertEqual(out[2], "21 ports closed (ECONNREFUSED)")

    def test_ports_are_scanned_once_and_have_the_names_of_their_services(self):
        status, out, _ = self.run_here("localhost", "9,7-9,7")
        self.assertEqual([line.split()[0] for line in out[:-1]], ["7", "8", "9"])
        self.assertEqual(out[0].split()[-1], socket.getservbyport(7, "tcp"))

    def test_the_rate_is_kept(self):
        _, seconds = self.scan("127.0.0.1", "1000-1100", "--rate", "200")
        self.assertGreaterEqual(seconds, 0.5)

    def test_the_progress_is_seen_on_a_terminal(self):
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        with Program("port_scan", "127.0.0.1", "3000-3999", "--rate", "2000", stderr=terminal,
                     under=self.network.enter) as program:
            os.close(terminal)
            program.out.all()
            self.assertEqual(program.wait(), 0)
        seen = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while piece := os.read(controller, 65536):
                seen += piece
        os.close(controller)
        lines = [line for line in text(seen).replace("\x1b[K", "").split("\r") if line]
        self.assertRegex(lines[0], r"^  0% \[> *\] 0 of 1000 ports, 0/s, waiting$")
        drawn = r" *\d+% \[=*>? *\] [1-9]\d* of 1000 ports, \d+/s, \d[:\d]* (s|min) left"
        self.assertTrue(any(re.fullmatch(drawn, line) for line in lines), lines)
        self.assertTrue(all(len(line) < 60 for line in lines), lines)
        self.assertTrue(seen.endswith(b"\r\x1b[K"), seen[-20:])

    def test_sigint_ends_it(self):
        with self.listening(1000), \
                Program("port_scan", "-v", "127.0.0.1", "1000-65535", "--rate", "100", under=self.network.enter) as program:
            met = program.err.wait_for(r"connected from 127\.0\.0\.1:\d+ to 127\.0\.0\.1:1000")[0]
            program.signal(signal.SIGINT)
            self.assertEqual(program.wait(), 130)
            self.assertEqual(program.err.all(), [met, "caught SIGINT, exiting"])

    def test_the_descriptor_limit_is_kept(self):
        status, out, err = self.run_here("127.0.0.1", "5000-5999", under=("prlimit", "--nofile=40:40"))
        self.assertEqual((status, len(out)), (0, 2), err)
        self.assertEqual(err, ["port_scan: the descriptor limit of 40 leaves room for 8 connections at once, not 256"])
        status, out, err = self.run_here("127.0.0.1", "5000", under=("prlimit", "--nofile=32:32"))
        self.assertEqual((status, out, len(err)), (1, [], 1))
        self.assertIn("more than 32, got 32", err[0])

    def test_what_ails_this_machine_ends_the_scan_and_is_no_state_of_a_port(self):
        with TracedProgram("port_scan", "127.0.0.1", "5000-5999", "--rate", "400", trace="connect",
                           inject=("connect:error=ENOBUFS:when=40",)) as program:
            self.assertEqual(program.wait(), 1)
            self.assertRegex("\n".join(program.err.all()),
                             r"^port_scan: tcp://127\.0\.0\.1:\d+: ENOBUFS \(No buffer space available\)$")


class BehindAPacketFilter(InANamespace):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        nft = lambda *words: cls.network.command("nft", *words)
        nft("add", "table", "inet", "t")
        nft("add", "chain", "inet", "t", "in", "{ type filter hook input priority 0; }")
        nft("add", "rule", "inet", "t", "in", "tcp", "dport", "{ 700-899, 12345 }", "drop")
        for port, code in ((5001, "host-unreachable"), (5002, "admin-prohibited")):
            nft("add", "rule", "inet", "t", "in", "tcp", "dport", port, "reject", "with", "icmp", "type", code)

    def test_a_port_behind_a_drop_rule_is_filtered_though_somebody_listens(self):
        with self.listening(80, 12345, 33333, 60999):
            found, _ = self.scan("127.0.0.1", "80,81,12345,33333,60999,5001,5002", "--timeout", "0.5s")
        self.assertEqual(found, {80: ("open", None), 81: ("closed", "ECONNREFUSED"), 12345: ("filtered", "connect_timeout"),
                                 33333: ("open", None), 60999: ("open", None), 5001: ("unreachable", "EHOSTUNREACH"),
                                 5002: ("unreachable", "EHOSTUNREACH")})

    def test_verbose_says_who_was_connected_to_each_open_port(self):
        with self.listening(80, 12345):
            for option in ("-v", "--verbose"):
                status, out, err = self.run_here("--source", "127.0.0.7", "--timeout", "0.5s", option, "127.0.0.1",
                                                 "80,81,12345")
                self.assertEqual((status, len(out), len(err)), (0, 4, 1))
                self.assertRegex(err[0], r"^connected from 127\.0\.0\.7:\d+ to 127\.0\.0\.1:80$")

    def test_the_words_of_each_state(self):
        with self.listening(80):
            status, out, err = self.run_here("127.0.0.1", "80,81,700,5001", "--timeout", "0.5s")
        self.assertEqual((status, err), (0, []))
        self.assertEqual([" ".join(line.split()) for line in out[:-1]],
                         ["80 open http", "81 closed (ECONNREFUSED)", "700 filtered (no answer in 0.5 s)",
                          "5001 unreachable (EHOSTUNREACH)"])
        self.assertRegex(out[-1], r"^1 open, 1 closed, 1 filtered, 1 unreachable in \d+\.\d\d s$")

    def filtered(self, ports, *options):
        """Scans filtered ports: the seconds that took, the most connections that were open at once, and how many there
        were in all."""
        with TracedProgram("port_scan", "--json", *options, "127.0.0.1", ports, trace="connect,close",
                           under=self.network.enter) as program:
            self.assertEqual(program.wait(), 0)
            (line,) = program.out.all()
            report = json.loads(line)
            self.assertEqual({(p["state"], p["error"]) for p in report["ports"]}, {("filtered", "connect_timeout")})
            begun, most, connecting = 0, 0, set()
            for call in program.calls.all():
                if found := re.search(r"connect\((\d+), .*sin_port=htons\([78]\d\d\)", call):
                    begun += 1
                    connecting.add(found[1])
                elif found := re.search(r"close\((\d+)", call):
                    connecting.discard(found[1])
                most = max(most, len(connecting))
        return report["seconds"], most, begun

    def test_filtered_ports_are_waited_for_together_and_asked_once(self):
        seconds, most, begun = self.filtered("700-899", "--timeout", "1s")
        self.assertGreater(seconds, 0.98)
        self.assertGreater(most, 1)
        self.assertEqual(begun, 200)

    def test_no_more_at_once_than_asked_for(self):
        seconds, most, begun = self.filtered("700-709", "--timeout", "0.1s", "--parallel", "5")
        self.assertGreater(seconds, 0.18)  # the library's clock is as fine as the kernel's tick
        self.assertLessEqual(most, 5)
        self.assertEqual(begun, 10)

    def test_a_port_that_the_socket_connects_to_by_itself_is_closed(self):
        with Namespace() as network:
            network.setting("ipv4/ip_local_port_range", "40000 40001")
            self.assertEqual(network.command(sys.executable, "-c", MEET_ITSELF), 5 * "itself\n")
            for _ in range(5):
                found, _ = self.scan("127.0.0.1", "40000", network=network)
                self.assertEqual(found, {40000: ("closed", "ECONNREFUSED")})

    def test_the_first_address_of_a_host_is_scanned_and_the_others_are_named(self):
        with Namespace({"/etc/hosts": "127.0.0.9 several\n127.0.0.8 several\n", "/etc/nsswitch.conf": "hosts: files\n"}) as network:
            status, out, err = self.run_here("--json", "several", "80", network=network)
        self.assertEqual((status, err), (0, ["port_scan: several is 127.0.0.8 too, which is left out"]))
        self.assertEqual((json.loads(out[0])["host"], json.loads(out[0])["address"]), ("several", "127.0.0.9"))

    def test_the_source_address_is_the_one_asked_for(self):
        self.network.command("nft", "add", "rule", "inet", "t", "in", "ip", "saddr", "127.0.0.7", "tcp", "dport", 82, "drop")
        arguments = ("127.0.0.1", "82", "--timeout", "0.5s")
        self.assertEqual(self.scan(*arguments)[0], {82: ("closed", "ECONNREFUSED")})
        self.assertEqual(self.scan(*arguments, "--source", "127.0.0.7")[0],
                         {82: ("filtered", "connect_timeout")})

    def test_a_host_out_of_reach(self):
        found, _ = self.scan("192.0.2.1", "80,81")
        self.assertEqual(set(found.values()), {("unreachable", "ENETUNREACH")})

    def test_ipv6(self):
        status, out, _ = self.run_here("::1", "80")
        self.assertEqual((status, " ".join(out[0].split())), (0, "80 closed (ECONNREFUSED) http"))


if __name__ == "__main__":
    unittest.main()
