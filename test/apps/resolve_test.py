# SPDX-License-Identifier: BSL-1.0
"""resolve as a process: what it finds is what Python's socket finds on the same host, and each error has its symbol.

The host is a namespace with files and a name server of its own, so that no answer comes from outside.
"""
import json
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

from namespace import Namespace
from peers import PEERS, NameServer
from process import PATIENCE, Program, run

FILES = {
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost\n192.0.2.77 short alias1 full.example.test alias2\n"
                  "192.0.2.78 lonely other\n2001:db8::77 sixth sixth.example.test\n",
    "/etc/nsswitch.conf": "hosts: files dns\nservices: files\nprotocols: files\n",
    # For a name server that does not answer the system's own functions wait longer than a test does.
    "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n",
}
NAMES = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "127.1", "1", "255.255.255.255", "<broadcast>", "", "short", "alias1",
         "full.example.test", "lonely", "sixth", "192.0.2.77", "2001:db8::77", "2001:db8::78", "192.0.2.1", "192.0.2.4",
         "192.0.2.5", "192.0.2.8", "2001:db8::6", "four.test", "four.test.", "six.test", "both.test", "nothing.test",
         "unnamed.test", "fails.test", "no-such-name.test", "fe80::1%lo", "999.1.1.1", "a b")
FAMILIES = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
TYPES = {"stream": socket.SOCK_STREAM, "dgram": socket.SOCK_DGRAM, "raw": socket.SOCK_RAW}
FLAGS = {"canonname": socket.AI_CANONNAME, "passive": socket.AI_PASSIVE, "numerichost": socket.AI_NUMERICHOST,
         "addrconfig": socket.AI_ADDRCONFIG}


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = Namespace(FILES)
        cls.addClassCleanup(cls.network.__exit__)
        names = NameServer(cls.network)
        cls.addClassCleanup(names.__exit__)
        cls.asked = names.asked

    def resolve(self, *arguments):
        return run("resolve", *arguments, under=self.network.enter)

    def python(self, questions):
        """Python's results, for each question."""
        done = subprocess.run([*self.network.enter, sys.executable, PEERS / "names_peer.py"], text=True, check=True,
                              input=json.dumps(questions), capture_output=True, timeout=PATIENCE)
        return json.loads(done.stdout)

    def found(self, *arguments):
        """The result as JSON, or the symbol of its error."""
        status, out, err = self.resolve("--json", *arguments)
        if status == 0:
            self.assertEqual((len(out), err), (1, []), arguments)
            return json.loads(out[0])
        self.assertEqual((status, out, len(err)), (1, [], 1), f"{arguments}: {err}")
        self.assertTrue(err[0].startswith("resolve: "), err)
        return err[0].split(": ")[-1 if "use getaddrinfo" not in err[0] else -2].split(" (")[0]

    def refused(self, arguments, *named):
        status, out, err = self.resolve(*arguments)
        self.assertEqual((status, out, len(err)), (2, [], 1), f"{arguments}: {err}")
        for name in named:
            self.assertIn(name, err[0])


class SameAsPython(Test):
    def compare(self, function, names, translate=lambda found: found):
        answers = self.python([[function, name] for name in names])
        for name, expected in zip(names, answers, strict=True):
            with self.subTest(function=function, name=name):
                found = self.found(function, name)
                self.assertEqual(translate(found) if isinstance(found, dict) else found, expected)

    def test_gethostname(self):
        self.assertEqual([self.found("gethostname")], self.python([["gethostname"]]))
        self.assertEqual(self.resolve("gethostname"), (0, [socket.gethostname()], []))

    def test_getfqdn(self):
        self.compare("getfqdn", (*NAMES, "  short  "))
        self.assertEqual([self.found("getfqdn")], self.python([["getfqdn"]]))
        self.assertEqual(self.found("getfqdn", "short"), "full.example.test")

    def test_gethostbyname(self):
        self.compare("gethostbyname", NAMES)

    def test_gethostbyname_ex(self):
        self.compare("gethostbyname_ex", NAMES, lambda found: [found["name"], found["aliases"], found["addresses"]])

    def test_gethostbyaddr(self):
        # Python has words of its own, and no number, for the address of every host.
        self.compare("gethostbyaddr", [name for name in NAMES if name],
                     lambda found: [found["name"], found["aliases"], found["addresses"]])
        self.refused(("gethostbyaddr", ""), '""', "one host")

    def test_getaddrinfo(self):
        cases = [("localhost", "http", "any", None, 0, ())]
        both = ("localhost", "127.0.0.1", "::1", "", "sixth", "four.test", "six.test", "both.test", "nothing.test")
        cases += [(name, "80", "any", "stream", 0, ()) for name in NAMES]
        cases += [(name, "80", family, "stream", 0, ()) for name in both for family in ("inet", "inet6")]
        cases += [("localhost", service, "any", kind, protocol, ())
                  for service, kind, protocol in ((None, None, 0), ("domain", None, 0), ("80", "raw", 0), ("ntp", "stream", 0),
                                                  ("ntp", "dgram", 0), ("no-such-service", None, 0), ("53", None, 17),
                                                  ("53", "stream", 17), (None, "raw", 1), ("0", None, 132))]
        cases += [(host, "65535", "any", "stream", 0, flags) for host in ("localhost", "alias1", "::1", "192.0.2.1", None)
                  for flags in (("canonname",), ("passive",), ("numerichost",), ("addrconfig",), ("passive", "canonname"))]
        questions = [["getaddrinfo", host, service, FAMILIES[family], TYPES.get(kind, 0), protocol, sum(FLAGS[f] for f in flags)]
                     for host, service, family, kind, protocol, flags in cases]
        for case, expected in zip(cases, self.python(questions), strict=True):
            host, service, family, kind, protocol, flags = case
            words = ["getaddrinfo", "-" if host is None else host, *([] if service is None else [service]), "--family", family,
                     "--proto", protocol, *(["--type", kind] if kind else []), *(["--flags", ",".join(flags)] if flags else [])]
            with self.subTest(case=case):
                found = self.found(*words)
                if isinstance(found, list):
                    found = [[FAMILIES[one["family"]], TYPES.get(one["type"], socket.SOCK_SEQPACKET), one["protocol"],
                              one["canonical_name"], list(one["address"].values())] for one in found]
                    self.assertTrue(found)
                self.assertEqual(found, expected)


class SecondOpinions(Test):
    """getent asks the same files and name server through the C library, dig the name server alone."""

    def ask(self, *command):
        return subprocess.run([*self.network.enter, *command], check=True, capture_output=True, text=True,
                              timeout=PATIENCE).stdout.splitlines()

    def addresses(self, name, family):
        """In their order."""
        found = self.found("getaddrinfo", name, "--family", family, "--type", "stream")
        return [one["address"]["host"] for one in found]

    def test_getent_finds_the_same_addresses(self):
        for name, families in (("localhost", ("inet", "inet6")), ("short", ("inet",)), ("sixth", ("inet6",)),
                               ("four.test", ("inet",)), ("six.test", ("inet6",)), ("both.test", ("inet", "inet6"))):
            for family in families:
                with self.subTest(name=name, family=family):
                    lines = self.ask("getent", "--no-addrconfig", {"inet": "ahostsv4", "inet6": "ahostsv6"}[family], name)
                    streams = [line.split()[0] for line in lines if line.split()[1] == "STREAM"]
                    self.assertTrue(streams)
                    self.assertEqual(self.addresses(name, family), streams)

    def test_getent_finds_the_same_name_and_aliases_of_an_address(self):
        for address in ("127.0.0.1", "192.0.2.77", "192.0.2.78", "192.0.2.1", "2001:db8::77", "2001:db8::6"):
            with self.subTest(address=address):
                (line,) = self.ask("getent", "hosts", address)
                found = self.found("gethostbyaddr", address)
                self.assertEqual([*found["addresses"], found["name"], *found["aliases"]], line.split())

    def test_dig_finds_the_same_records(self):
        for name in ("four.test", "six.test", "both.test"):
            for family, kind in (("inet", "A"), ("inet6", "AAAA")):
                records = self.ask("dig", "@127.0.0.1", "+short", name, kind)
                with self.subTest(name=name, kind=kind):
                    if records:
                        self.assertEqual(sorted(self.addresses(name, family)), sorted(records))
                    else:
                        self.assertIn(self.found("getaddrinfo", name, "--family", family), ("EAI_ADDRFAMILY", "EAI_NODATA"))
        for address in ("192.0.2.1", "2001:db8::6"):
            with self.subTest(address=address):
                records = self.ask("dig", "@127.0.0.1", "+short", "-x", address)
                self.assertEqual(self.found("gethostbyaddr", address)["name"] + ".", records[0])


class Programs(Test):
    def test_help_and_version(self):
        status, out, err = self.resolve("--help")
        self.assertEqual((status, err), (0, []))
        for word in ("getaddrinfo gethostname getfqdn gethostbyname gethostbyname_ex gethostbyaddr --family --type --proto "
                     "--flags --json --timeout --version").split():
            self.assertIn(word, "\n".join(out))
        self.assertRegex(self.resolve("--version")[1][0], r"^resolve .*\d+\.\d+\.\d+$")

    def test_text_is_for_people(self):
        self.assertEqual(self.resolve("getaddrinfo", "localhost", "http", "--type", "stream", "--flags", "canonname"), (
            0, ["inet6 stream tcp  localhost [::1]:80", "inet  stream tcp  - 127.0.0.1:80"], []))
        self.assertEqual(self.resolve("getaddrinfo", "fe80::1%lo", "53", "--type", "dgram")[1],
                         ["inet6 dgram  udp  - [fe80::1%1]:53"])
        self.assertEqual(self.resolve("gethostbyaddr", "192.0.2.77")[1],
                         ["name:      short", "aliases:   alias1 full.example.test alias2", "addresses: 192.0.2.77"])
        self.assertEqual(self.resolve("gethostbyname_ex", "four.test")[1],
                         ["name:      four.test", "aliases:   -", "addresses: 192.0.2.1 192.0.2.2"])
        self.assertEqual(self.resolve("gethostbyname", "short")[1], ["192.0.2.77"])
        self.assertEqual(self.resolve("getfqdn", "short")[1], ["full.example.test"])

    def test_an_ipv6_name_is_told_to_use_getaddrinfo(self):
        for function in ("gethostbyname", "gethostbyname_ex"):
            status, out, err = self.resolve(function, "::1")
            self.assertEqual((status, out, len(err)), (1, [], 1))
            self.assertRegex(err[0], r"^resolve: ::1: EAI_ADDRFAMILY \(.+\): .*use getaddrinfo")

    def test_wrong_usage(self):
        for arguments, named in (
            ((), ("FUNCTION", "nothing")),
            (("getname",), ("getname", "--help")),
            (("getaddrinfo",), ("getaddrinfo", "HOST", "0")),
            (("getaddrinfo", "-"), ("HOST", "SERVICE")),
            (("getaddrinfo", "a", "b", "c"), ("HOST [SERVICE]", "3")),
            (("gethostname", "a"), ("no argument", "1")),
            (("gethostbyname",), ("NAME", "0")),
            (("gethostbyname", "localhost", "--family", "inet"), ("--family", "getaddrinfo", "gethostbyname")),
            (("getaddrinfo", "a", "--family", "unix"), ("--family", "inet6", "unix")),
            (("getaddrinfo", "a", "--type", "packet"), ("--type", "dgram", "packet")),
            (("getaddrinfo", "a", "--proto", "256"), ("--proto", "256", "255")),
            (("getaddrinfo", "a", "--flags", "passive,fast"), ("--flags", "canonname", "fast")),
            (("getaddrinfo", "a", "--flags", ""), ("--flags", '""')),
            (("getaddrinfo", "localhost", "65536"), ("65536", "65535")),
            (("gethostname", "--timeout", "5"), ("--timeout", '"5"')),
        ):
            with self.subTest(arguments=arguments):
                self.refused(arguments, *named)

    def test_names_that_no_resolver_should_see_are_refused_before_it_sees_them(self):
        long = ".".join(["a" * 61] * 4 + ["t" * 6])
        self.assertEqual(len(long), 254)
        seen = len(self.asked.seen)
        for name, named in ((long, ("254", "253")), ("a" * 64 + ".test", ("64", "63")), ("a..test", ("0 bytes",)),
                            ("n\u00e4me.test", ("xn--",)), ("a\x1b[2J." * 80, ("\\x1b[2J",))):
            for function in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getfqdn"):
                with self.subTest(name=name, function=function):
                    self.refused((function, name), *named)
        self.assertEqual(self.asked.seen[seen:], [])
        self.assertEqual(self.found("gethostbyname", long[1:]), "EAI_NONAME")
        self.asked.wait_for(re.escape(long[1:]))

    def test_a_silent_name_server_costs_the_deadline(self):
        for function in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getfqdn"):
            begun = time.monotonic()
            status, out, err = self.resolve(function, "silent.test", "--timeout", "0.2s")
            self.assertGreaterEqual(time.monotonic() - begun, 0.19)
            self.assertEqual((status, out, err), (1, [], ["resolve: silent.test: lookup_timeout after 0.2 s"]))

    def test_sigint_ends_it_at_once(self):
        with Program("resolve", "gethostbyaddr", "192.0.2.7", under=self.network.enter) as program:
            self.asked.wait_for(r"7\.2\.0\.192\.in-addr\.arpa")
            program.signal(signal.SIGINT)
            self.assertEqual(program.wait(), 130)
            self.assertEqual(program.err.all(), ["caught SIGINT, exiting"])


if __name__ == "__main__":
    unittest.main()
