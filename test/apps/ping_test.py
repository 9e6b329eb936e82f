# SPDX-License-Identifier: BSL-1.0
"""ping as a process: against the kernel, against a host of our own that answers wrongly, and beside the system's ping."""
import contextlib
import re
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from namespace import Namespace
from process import Program, run

PEERS = Path(__file__).resolve().parent.parent / "peers"
SYSTEM = "/bin/ping"
REPLY = r"64 bytes from {}: icmp_seq={} ttl=64 time=\d+\.\d+ ms"
ROUND_TRIPS = r"rtt min/avg/max/mdev = \d+\.\d{3}/\d+\.\d{3}/\d+\.\d{3}/\d+\.\d{3} ms"
WITHOUT_RAW = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", "--")
FAST = ("-i", "10ms")


def shape(line):
    """A line with its figures taken out, and how many requests were under way at once: the system's adds that if it is
    more than one."""
    return re.sub(r"\d+(\.\d+)?", "N", re.sub(r", pipe \d+$", "", line))


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Namespace()
        cls.addClassCleanup(cls.network.__exit__)

    def ping(self, *arguments, under=()):
        return run("ping", *arguments, under=(*self.network.enter, *under))

    def matches(self, lines, *patterns):
        self.assertEqual(len(lines), len(patterns), lines)
        for line, pattern in zip(lines, patterns, strict=True):
            self.assertRegex(line, f"^{pattern}$")

    def refused(self, *arguments, named):
        status, out, err = self.ping(*arguments)
        self.assertEqual((status, out, len(err)), (2, [], 1), f"{arguments}: {err}")
        for name in named:
            self.assertIn(name, err[0])


class CommandLines(Test):
    def test_help_and_version(self):
        status, out, err = run("ping", "--help")
        self.assertEqual((status, err), (0, []))
        for word in "HOST -c -i --timeout --source -v --verbose --version CAP_NET_RAW net.ipv4.ping_group_range".split():
            self.assertIn(word, "\n".join(out))
        self.assertRegex(run("ping", "--version")[1][0], r"^ping .*\d+\.\d+\.\d+$")

    def test_wrong_usage(self):
        self.refused(named=("HOST", "nothing"))
        self.refused("a", "b", named=("HOST", '"b"'))
        self.refused("-c", "0", "localhost", named=("-c", "1"))
        self.refused("-i", "1", "localhost", named=("-i", '"1"'))
        self.refused("-i", "1ms", "localhost", named=("-i", "0.002 s", "1ms"))
        self.refused("-i", "never", "localhost", named=("-i", "never"))
        self.refused("a" * 64, named=("64 bytes", "63"))
        self.refused("--source", "here", "localhost", named=("--source", '"here"'))

    def test_a_host_without_an_address(self):
        status, out, err = self.ping("256.1.1.1.")
        self.assertEqual((status, out, len(err)), (1, [], 1))
        self.assertRegex(err[0], r"^ping: 256\.1\.1\.1\.: EAI_")


class Answered(Test):
    def replies(self, address, *arguments, under=()):
        status, out, err = self.ping("-c", "3", *FAST, address, *arguments, under=under)
        self.assertEqual((status, err), (0, []))
        where = re.escape(address)
        self.matches(out, rf"PING {where} \({where}\): 56 data bytes", *(REPLY.format(where, n) for n in (1, 2, 3)), "",
                     f"--- {where} ping statistics ---", r"3 packets transmitted, 3 received, 0% packet loss, time \d+ms",
                     ROUND_TRIPS)
        self.assertGreaterEqual(int(re.search(r"time (\d+)ms", out[6])[1]), 20)

    def test_over_a_raw_socket(self):
        for address in ("127.0.0.1", "::1"):
            self.replies(address)

    def test_over_an_unprivileged_socket(self):
        with Namespace() as network:
            network.setting("ipv4/ping_group_range", "0 0")
            for address in ("127.0.0.1", "::1"):
                status, out, err = run("ping", "-c", "2", *FAST, address, under=(*network.enter, *WITHOUT_RAW))
                self.assertEqual((status, err), (0, []))
                self.matches(out[1:3], *(REPLY.format(address, n) for n in (1, 2)))

    def test_by_name(self):
        status, out, _ = self.ping("-c", "1", "localhost")
        self.assertEqual(status, 0)
        self.assertRegex(out[0], r"^PING localhost \((127\.0\.0\.1|::1)\): 56 data bytes$")
        self.assertEqual(out[3], "--- localhost ping statistics ---")

    def test_like_the_system_s(self):
        for address in ("127.0.0.1", "::1"):
            system = subprocess.run([*self.network.enter, SYSTEM, "-n", "-c", "2", "-i", "0.01", address], check=True,
                                    capture_output=True, text=True).stdout.splitlines()
            _, ours, _ = self.ping("-c", "2", *FAST, address)
            self.assertEqual(list(map(shape, ours[1:])), list(map(shape, system[1:])))

    def test_sigint_ends_it_with_what_was_counted(self):
        with Program("ping", "-i", "10ms", "127.0.0.1", under=self.network.enter) as program:
            program.out.wait_for("64 bytes from .*", 3)
            program.signal(signal.SIGINT)
            self.assertEqual(program.wait(), 130)
            lines = program.out.all()
            self.assertEqual(program.err.all(), ["caught SIGINT, exiting"])
        replies = sum(line.startswith("64 bytes") for line in lines)
        self.matches(lines[-4:], "", "--- 127.0.0.1 ping statistics ---",
                     rf"\d+ packets transmitted, {replies} received, \d+% packet loss, time \d+ms", ROUND_TRIPS)
        # The signal may have come between the last request and its reply.
        self.assertIn(int(lines[-2].split()[0]) - replies, (0, 1))


class From(Test):
    """--source, which the kernel sees: it drops what comes from one address."""

    def test_the_source_address_is_the_one_asked_for(self):
        with Namespace() as network:
            network.command("nft", "add", "table", "inet", "t")
            network.command("nft", "add", "chain", "inet", "t", "in", "{ type filter hook input priority 0; }")
            network.command("nft", "add", "rule", "inet", "t", "in", "ip", "saddr", "!=", "127.0.0.7", "icmp", "type",
                            "echo-request", "drop")
            network.setting("ipv4/ping_group_range", "0 0")
            for under in ((), WITHOUT_RAW):
                ping = lambda *arguments: run("ping", "-c", "1", *arguments, "127.0.0.1",
                                              under=(*network.enter, *under))
                status, out, err = ping("--source", "127.0.0.7", "-v")
                self.assertEqual((status, err), (0, ["connected from 127.0.0.7 to 127.0.0.1"]))
                self.assertRegex(out[1], "^" + REPLY.format("127.0.0.1", 1))
                status, _, err = ping("--verbose", "--timeout", "100ms")
                self.assertEqual((status, err), (1, ["connected from 127.0.0.1 to 127.0.0.1",
                                                     "ping: 127.0.0.1: no reply"]))

    def test_the_host_s_address_is_of_its_family(self):
        with Namespace({"/etc/hosts": "127.0.0.1 both\n::1 both\n", "/etc/nsswitch.conf": "hosts: files\n"}) as network:
            for source in ("::1", "127.0.0.1"):
                status, _, err = run("ping", "-c", "1", "-v", "--source", source, "both", under=network.enter)
                self.assertEqual((status, err), (0, [f"connected from {source} to {source}"]))
        status, out, err = self.ping("-c", "1", "--source", "::1", "127.0.0.1")
        self.assertEqual((status, out, len(err)), (1, [], 1))
        self.assertRegex(err[0], r"^ping: 127\.0\.0\.1: EAI_ADDRFAMILY")

    def test_one_that_is_not_this_host_s(self):
        for source, host in (("192.0.2.1", "127.0.0.1"), ("2001:db8::1", "::1")):
            status, out, err = self.ping("-c", "1", "--source", source, host)
            self.assertEqual((status, out), (1, []))
            self.assertEqual(err, [f'ping: source "{source}": EADDRNOTAVAIL (Cannot assign requested address)'])


class Unanswered(Test):
    def test_without_permission_it_says_which(self):
        for address in ("127.0.0.1", "::1"):
            status, out, err = self.ping("-c", "1", address, under=WITHOUT_RAW)
            self.assertEqual((status, out, len(err)), (1, [], 1))
            self.assertRegex(err[0], r"^ping: no permission to send ICMP \(EPERM\): expected CAP_NET_RAW, or one of this "
                                     r'user\'s groups within net\.ipv4\.ping_group_range, which is "\d+ \d+"$')

    def test_a_silent_host(self):
        with Namespace() as network:
            network.setting("ipv4/icmp_echo_ignore_all", "1")
            status, out, err = run("ping", "-c", "2", *FAST, "--timeout", "100ms", "127.0.0.1", under=network.enter)
            self.assertEqual((status, err), (1, ["ping: 127.0.0.1: no reply"]))
            self.matches(out, r"PING 127\.0\.0\.1 .*", "", "--- 127.0.0.1 ping statistics ---",
                         r"2 packets transmitted, 0 received, 100% packet loss, time \d+ms")
            self.assertGreaterEqual(int(re.search(r"time (\d+)ms", out[3])[1]), 110)
            with Program("ping", "-i", "60s", "127.0.0.1", under=network.enter) as program:
                program.out.wait_for("PING.*")
                program.signal(signal.SIGINT)
                self.assertEqual(program.wait(), 130)
                self.assertRegex(program.out.all()[-1], r"^1 packets transmitted, 0 received, 100% packet loss, time \d+ms$")
                self.assertEqual(program.err.all(), ["caught SIGINT, exiting"])

    def test_errors_on_the_way(self):
        with Namespace() as network:
            network.command("nft", "add", "table", "inet", "t")
            network.command("nft", "add", "chain", "inet", "t", "in", "{ type filter hook input priority 0; }")
            network.command("nft", "add", "rule", "inet", "t", "in", "icmp", "type", "echo-request", "reject", "with", "icmp",
                            "type", "host-unreachable")
            network.command("nft", "add", "rule", "inet", "t", "in", "icmpv6", "type", "echo-request", "reject", "with",
                            "icmpv6", "type", "admin-prohibited")
            network.setting("ipv4/ping_group_range", "0 0")
            for address, words in (("127.0.0.1", "Destination Host Unreachable"),
                                   ("::1", "Destination unreachable: Administratively prohibited")):
                for under in ((), WITHOUT_RAW):
                    status, out, err = run("ping", "-c", "2", *FAST, address, under=(*network.enter, *under))
                    self.assertEqual((status, err), (1, [f"ping: {address}: no reply"]))
                    self.matches(out[1:3], *(f"From {address} icmp_seq={n} {words}" for n in (1, 2)))
                    self.assertRegex(out[5], r"^2 packets transmitted, 0 received, \+2 errors, 100% packet loss, time \d+ms$")

    def test_no_way_at_all(self):
        status, out, err = self.ping("-c", "1", "192.0.2.1")
        self.assertEqual((status, err), (1, ["ping: 192.0.2.1: ENETUNREACH (Network is unreachable)"]))

    def test_a_request_that_the_kernel_refuses(self):
        with Namespace() as network:
            network.command("nft", "add", "table", "inet", "t")
            network.command("nft", "add", "chain", "inet", "t", "out", "{ type filter hook output priority 0; }")
            network.command("nft", "add", "rule", "inet", "t", "out", "icmp", "type", "echo-request", "drop")
            status, out, err = run("ping", "-c", "1", "127.0.0.1", under=network.enter)
            self.assertEqual((status, err), (1, ["ping: 127.0.0.1: no reply"]))
            self.assertEqual(out[1], "icmp_seq=1 not sent: EPERM (Operation not permitted)")


class AnsweredWrongly(Test):
    """By a host of our own, in the place of the kernel: it answers each request in the way of its name."""

    @contextlib.contextmanager
    def answering(self, way):
        with Namespace() as network, contextlib.ExitStack() as stack:
            network.setting("ipv4/icmp_echo_ignore_all", "1")
            peer = subprocess.Popen([*network.enter, sys.executable, PEERS / "ping_peer.py", way], stdout=subprocess.PIPE)
            stack.callback(peer.communicate)
            stack.callback(peer.kill)
            self.assertEqual(peer.stdout.readline(), b"ready\n")
            yield network

    def ask(self, way, count=2, timeout="30s"):
        with self.answering(way) as network:
            return run("ping", "-c", count, *FAST, "--timeout", timeout, "127.0.0.1", under=network.enter)

    def test_a_right_answer_is_one(self):
        status, out, _ = self.ask("right", count=1)
        self.assertEqual(status, 0)
        self.assertRegex(out[1], f"^{REPLY.format('127.0.0.1', 1)}$")

    def test_replies_to_others_are_ignored(self):
        for way in ("identifier", "sequence", "checksum", "short"):
            with self.subTest(way=way):
                status, out, _ = self.ask(way, timeout="100ms")
                self.assertEqual((status, len(out)), (1, 4), out)
                self.assertRegex(out[3], r"^2 packets transmitted, 0 received, 100% packet loss")

    def test_other_data_is_no_reply(self):
        for way, size in (("data", 64), ("truncated", 32)):
            with self.subTest(way=way):
                status, out, _ = self.ask(way, timeout="5s")
                self.assertEqual(status, 1)
                self.assertEqual(out[1], f"{size} bytes from 127.0.0.1: icmp_seq=1 other data than was sent")
                self.assertRegex(out[-1], r"^2 packets transmitted, 0 received, \+2 corrupted, 100% packet loss")

    def test_a_second_reply_is_a_duplicate(self):
        status, out, _ = self.ask("twice")
        self.assertEqual(status, 0)
        self.assertRegex(out[2], "^" + REPLY.format("127.0.0.1", 1) + r" \(DUP!\)$")
        self.assertRegex("\n".join(out), r"2 packets transmitted, [12] received, \+[12] duplicates, ")

    def test_some_of_them(self):
        status, out, _ = self.ask("first", count=4)
        self.assertEqual(status, 0)
        self.assertRegex("\n".join(out), "4 packets transmitted, 1 received, 75% packet loss")


if __name__ == "__main__":
    unittest.main()
