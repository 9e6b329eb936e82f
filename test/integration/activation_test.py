# SPDX-License-Identifier: BSL-1.0
"""Servers on sockets that they are given: as systemd activates them, and by the number of a descriptor."""
import os
import signal
import socket
import sys
import tempfile
import time
import unittest
from pathlib import Path

import tls
from certificates import Certificates
from options_server import options_server
from process import PATIENCE, Server, exchange, receive, run

UNITS = Path(__file__).parents[2] / "apps/systemd"
FRAMES = ("--mode", "frames", "--quiet")

# Becomes the program with the sockets as descriptors from 3 on, and variables that name this process, as systemd does.
ACTIVATE = """
import os, sys
sockets, names, pid = sys.argv[1].split(","), sys.argv[2], sys.argv[3]
high = [os.dup2(int(s), 100 + i) for i, s in enumerate(sockets)]
for i, s in enumerate(high):
    os.dup2(s, 3 + i)
    os.close(s)
os.environ.update(LISTEN_FDS=str(len(sockets)), LISTEN_PID=pid or str(os.getpid()))
if names:
    os.environ["LISTEN_FDNAMES"] = names
os.execv(sys.argv[4], sys.argv[4:])
"""


def listening(family=socket.AF_INET, kind=socket.SOCK_STREAM, address=("127.0.0.1", 0), listen=True):
    made = socket.socket(family, kind)
    made.bind(address)
    if listen and kind == socket.SOCK_STREAM:
        made.listen()
    return made


def activated(sockets, names="", pid="", environment=()):
    """What makes a program a service with these sockets: options for Program or Server."""
    numbers = ",".join(str(s.fileno()) for s in sockets)
    return {"under": (sys.executable, "-I", "-c", ACTIVATE, numbers, names, pid),
            "pass_fds": [s.fileno() for s in sockets], "env": {**os.environ, **dict(environment)}}


def connect(to):
    peer = socket.socket(to.family)
    peer.settimeout(PATIENCE)
    peer.connect(to.getsockname())
    return peer


class Manager:
    """The other end of sd_notify, at a path or an abstract name."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(PATIENCE)
        self.variable = {"NOTIFY_SOCKET": address.replace("\0", "@")}

    def next(self):
        return self.socket.recv(4096).decode().splitlines()

    def next_but_watchdog(self):
        while (lines := self.next()) == ["WATCHDOG=1"]:
            pass
        return lines

    def emptied(self):
        """Takes what has come already, which is the watchdog's alone; says when nothing was left."""
        self.socket.settimeout(0)
        try:
            while True:
                when = time.monotonic()
                if (lines := self.next()) != ["WATCHDOG=1"]:
                    raise AssertionError(f"expected WATCHDOG=1, got {lines}")
        except BlockingIOError:
            return when
        finally:
            self.socket.settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def every_10_ms(manager):
    """The environment of a server whose watchdog speaks so often."""
    return {**os.environ, **manager.variable, "WATCHDOG_USEC": "20000"}


class Activated(unittest.TestCase):
    def test_a_server_whose_last_listener_fails_drains_and_exits_with_1(self):
        with listening() as first, listening() as last, \
                Server("echo_server", *FRAMES, "fd:3", "fd:4", listeners=2, **activated([first, last])) as server:
            with connect(first) as peer:
                exchange(peer)
                first.shutdown(socket.SHUT_RDWR)  # which ends listening for all who share it
                server.err.wait_for(r".*listener failed and is closed: EINVAL.*")
                with connect(last) as other:
                    exchange(other)
                exchange(peer)
                last.shutdown(socket.SHUT_RDWR)
                self.assertEqual(peer.recv(1), b"")
            self.assertEqual(server.wait(), 1)
            self.assertEqual(len([line for line in server.err.all() if "every listener has failed" in line]), 1)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_a_connection_queued_before_the_start_is_served_and_the_socket_outlives_the_server(self):
        path = str(self.folder / "echo.sock")
        for passed in (listening(), listening(listen=False), listening(socket.AF_INET6, address=("::1", 0)),
                       listening(socket.AF_UNIX, address=path)):
            with self.subTest(passed.getsockname()), passed:
                listens = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                queued = connect(passed) if listens else None
                host = passed.getsockname()
                endpoint = f"unix:{path}" if host == path else \
                    "tcp://%s:%d" % (f"[{host[0]}]" if ":" in host[0] else host[0], host[1])
                for _ in range(2):  # the second is the next process on the same socket
                    with Server("echo_server", *FRAMES, "systemd:echo", **activated([passed], "echo")) as server:
                        self.assertEqual(server.endpoint, endpoint)
                        if queued:
                            exchange(queued)
                            queued.close()
                        with connect(passed) as peer:
                            exchange(peer)
                        self.assertEqual(server.stop(), 0)
                    queued = connect(passed)  # it still listens
                queued.close()
        self.assertTrue(Path(path).is_socket())

    def test_every_socket_of_a_name_is_listened_on_and_no_other(self):
        with listening() as one, listening() as other, listening(socket.AF_INET6, address=("::1", 0)) as two:
            with Server("echo_server", *FRAMES, "systemd:web", listeners=2,
                        **activated([one, other, two], "web:admin:web")) as server:
                self.assertEqual(server.endpoints, ["tcp://127.0.0.1:%d" % one.getsockname()[1],
                                                    "tcp://[::1]:%d" % two.getsockname()[1]])
                for each in (one, two):
                    with connect(each) as peer:
                        exchange(peer)
                self.assertEqual(server.stop(), 0)

    def test_sockets_without_names_are_unknown(self):
        with listening() as passed, Server("echo_server", *FRAMES, "systemd:unknown", **activated([passed])) as server:
            with connect(passed) as peer:
                exchange(peer)
            self.assertEqual(server.stop(), 0)

    def test_descriptors_are_marked_for_children_and_never_waited_on(self):
        with listening() as passed, Server("echo_server", *FRAMES, "systemd:a",
                                           **activated([passed], "a")) as server:
            flags = int(Path(f"/proc/{server.pid}/fdinfo/3").read_text().split("flags:")[1].split()[0], 8)
            self.assertTrue(flags & os.O_CLOEXEC)
            self.assertTrue(flags & os.O_NONBLOCK)

    def test_the_sample_units_agree_with_each_other_and_with_the_program(self):
        def setting(unit, name):
            lines = (UNITS / unit).read_text().splitlines()
            return next(line.partition("=")[2] for line in lines if line.startswith(name + "="))

        program, *arguments = setting("echo.service", "ExecStart").split()
        with listening() as passed, Manager(str(self.folder / "notify")) as manager:
            seconds = int(setting("echo.service", "WatchdogSec").removesuffix("s"))
            variables = {**manager.variable, "WATCHDOG_USEC": str(seconds * 1_000_000)}
            with Server(program.removeprefix("/usr/bin/hawser-"), *arguments,
                        **activated([passed], setting("echo.socket", "FileDescriptorName"), environment=variables)) as server:
                self.assertEqual(manager.next()[0], "READY=1")
                with connect(passed) as peer:
                    peer.sendall(b"hello")
                    self.assertEqual(receive(peer, 5), b"hello")
                self.assertEqual(server.stop(), 0)

    def test_a_descriptor_is_listened_on_by_its_number(self):
        with listening() as tcp, listening(socket.AF_UNIX, address=str(self.folder / "s")) as unix:
            with Server("echo_server", *FRAMES, f"fd:{tcp.fileno()}", f"fd:{unix.fileno()}", listeners=2,
                        pass_fds=[tcp.fileno(), unix.fileno()]) as server:
                for each in (tcp, unix):
                    with connect(each) as peer:
                        exchange(peer)
                self.assertEqual(server.stop(), 0)
            connect(tcp).close()
            connect(unix).close()

    def test_what_cannot_be_listened_on_is_refused_by_name(self):
        tcp, udp, unbound = listening(), listening(kind=socket.SOCK_DGRAM), socket.socket()
        one, other = socket.socketpair()
        connected = connect(tcp)
        wanted = "expected a TCP or Unix stream socket that listens, or is bound, got"
        with open("/dev/null", "rb") as file, tcp, udp, unbound, one, other, connected:
            for given, why in ((udp, "a UDP socket"), (unbound, "a TCP socket that is not bound"),
                               (one, "a Unix stream socket that is connected"),
                               (connected, "a TCP socket that is connected"), (file, "what is no socket")):
                with self.subTest(why):
                    with self.assertRaises(AssertionError) as raised:
                        Server("echo_server", f"fd:{given.fileno()}", pass_fds=[given.fileno()])
                    self.assertIn(f"fd:{given.fileno()}: {wanted} {why}", str(raised.exception))
                    with self.assertRaises(AssertionError) as raised:
                        Server("echo_server", "systemd:x", **activated([given], "x"))
                    self.assertIn(f"systemd:x (descriptor 3): {wanted} {why}", str(raised.exception))
            with self.assertRaises(AssertionError) as raised:
                Server("echo_server", f"fd:{tcp.fileno()}", f"fd:{tcp.fileno()}", pass_fds=[tcp.fileno()])
            self.assertIn("or that it listens on already", str(raised.exception))
            for names, pid, words in (("web", "", "got \"web\""), ("a:b", "", "expected 1 names, as LISTEN_FDS says"),
                                      ("echo", "1", "got none"), ("echo", "x", "got none")):
                with self.subTest(names=names, pid=pid), self.assertRaises(AssertionError) as raised:
                    Server("echo_server", "systemd:echo", **activated([tcp], names, pid))
                self.assertIn(words, str(raised.exception))
        self.assertEqual(run("echo_server", "fd:999")[::2], (2, [f"echo_server: fd:999: {wanted} no open descriptor"]))


class Supervised(unittest.TestCase):
    """What the service manager hears."""

    def test_ready_watchdog_and_stopping_come_in_their_order(self):
        with tempfile.TemporaryDirectory() as folder:
            for address in (f"{folder}/notify", f"\0hawser-{os.getpid()}-notify"):
                with self.subTest(address), Manager(address) as manager, listening() as passed:
                    options = activated([passed], "echo", environment={**manager.variable, "WATCHDOG_USEC": "40000"})
                    with Server("echo_server", *FRAMES, "systemd:echo", **options) as server:
                        self.assertEqual(manager.next(),
                                         ["READY=1", "STATUS=listening on tcp://127.0.0.1:%d" % passed.getsockname()[1]])
                        begin = manager.emptied()
                        for _ in range(5):
                            self.assertEqual(manager.next(), ["WATCHDOG=1"])
                        # Between the second and the last are 3 intervals of 20 ms, less two ticks of the clock.
                        self.assertGreaterEqual(time.monotonic() - begin, 0.04)
                        with connect(passed) as peer:
                            exchange(peer)
                            server.signal(signal.SIGTERM)
                            self.assertEqual(manager.next_but_watchdog(), ["STOPPING=1", "STATUS=draining 1 connections"])
                        self.assertEqual(server.wait(), 0)

    def test_ready_comes_after_it_listens(self):
        with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/notify") as manager:
            with Server("echo_server", *FRAMES, "tcp://127.0.0.1:0", env={**os.environ, **manager.variable}) as server:
                self.assertEqual(manager.next(), ["READY=1", f"STATUS=listening on {server.endpoint}"])
                with server.connect() as peer:
                    exchange(peer)
                self.assertEqual(server.stop(), 0)
                self.assertEqual(manager.next()[0], "STOPPING=1")
                manager.socket.settimeout(0)  # without WATCHDOG_USEC nobody is told that it lives
                self.assertRaises(BlockingIOError, manager.next)

    def test_another_process_that_is_watched_is_none_of_its_business(self):
        with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/notify") as manager:
            for variables in ({"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"},
                              {"WATCHDOG_USEC": "soon"}):
                environment = {**os.environ, **manager.variable, **variables}
                with Server("echo_server", *FRAMES, "tcp://127.0.0.1:0", env=environment) as server:
                    self.assertEqual(manager.next()[0], "READY=1")
                    with server.connect() as peer:
                        exchange(peer)
                    self.assertEqual(server.stop(), 0)
                    self.assertEqual(manager.next()[0], "STOPPING=1")

    def test_an_inherited_socket_speaks_tls_and_a_reload_is_told(self):
        with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/notify") as manager, listening() as passed:
            made = Certificates(folder)
            pair = made.server()
            number = passed.fileno()
            with Server("echo_server", *FRAMES, "--cert", pair.certificate, "--key", pair.key, f"fd:{number}",
                        pass_fds=[number], env={**os.environ, **manager.variable}) as server:
                self.assertEqual(server.endpoint, "tls://127.0.0.1:%d" % passed.getsockname()[1])
                self.assertEqual(manager.next()[0], "READY=1")
                with tls.connect(server.endpoint, tls.client_context(made.ca)) as peer:
                    exchange(peer)
                before = time.monotonic()
                server.signal(signal.SIGHUP)
                began, when = manager.next()
                self.assertEqual((began, when.partition("=")[0]), ("RELOADING=1", "MONOTONIC_USEC"))
                self.assertTrue(before <= int(when.partition("=")[2]) / 1e6 <= time.monotonic())
                self.assertEqual(manager.next(), ["READY=1"])
                self.assertEqual(server.stop(), 0)

    def test_a_handler_that_keeps_its_loop_silences_the_watchdog(self):
        with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/notify") as manager:
            with options_server("spin", env=every_10_ms(manager), blocked=50) as server, server.connect() as peer:
                self.assertEqual(manager.next()[0], "READY=1")
                self.assertEqual(manager.next(), ["WATCHDOG=1"])
                exchange(peer)
                server.err.wait_for(".*: its handler has kept its loop for .*")
                manager.emptied()
                manager.socket.settimeout(0.3)
                self.assertRaises(TimeoutError, manager.next)

    def test_once_the_handler_has_let_its_loop_go_the_watchdog_is_heard_again(self):
        with tempfile.TemporaryDirectory() as folder, Manager(f"{folder}/notify") as manager:
            with options_server("block", env=every_10_ms(manager)) as server:
                self.assertEqual(manager.next()[0], "READY=1")
                with server.connect() as peer:
                    exchange(peer)
                    manager.emptied()
                    self.assertEqual(manager.next(), ["WATCHDOG=1"])
                self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
