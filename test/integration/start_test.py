# SPDX-License-Identifier: BSL-1.0
"""How a server starts, or does not, and starts again: addresses in use, kernels that refuse, SIGKILL, signals."""
import signal
import tempfile
import time
import unittest
from pathlib import Path

from kernel import TracedProgram, all_read, closed_on_exec, descriptors, eventually, states, stopped
from pace import what_was_cut
from process import Program, Server, exchange

FRAMES = ("--mode", "frames", "--quiet")
ANY_PORT = "tcp://127.0.0.1:0"


class Refused(unittest.TestCase):
    def check(self, *arguments, named):
        """Exit 2, one line, and nothing was listened on."""
        with Program("echo_server", *arguments) as server:
            self.assertEqual(server.wait(), 2)
            self.assertEqual(server.out.all(), [])
            self.assertEqual(len(server.err.all()), 1, server.err.seen)
            for name in named:
                self.assertIn(name, server.err.seen[0])

    def test_an_address_in_use(self):
        with Server("echo_server", ANY_PORT) as first:
            self.check(first.endpoint, named=(first.endpoint, "EADDRINUSE"))
            self.check(ANY_PORT, first.endpoint, named=(first.endpoint, "EADDRINUSE"))
            with first.connect():
                pass

    def test_an_address_of_another_machine(self):
        self.check("tcp://192.0.2.1:65432", named=("192.0.2.1:65432", "EADDRNOTAVAIL"))

    def test_a_unix_socket_that_another_server_listens_on(self):
        with tempfile.TemporaryDirectory() as folder, Server("echo_server", f"unix:{folder}/a") as first:
            self.check(f"unix:{folder}/a", named=(f"{folder}/a", "EADDRINUSE"))
            with first.connect():
                pass

    def test_a_unix_socket_in_a_folder_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            self.check(f"unix:{folder}/none/a", named=(f"{folder}/none/a", "ENOENT"))

    def test_a_kernel_without_threads_or_descriptors(self):
        # Of threads the first, the second and the third is refused; of the others each that is asked for.
        for call, error, when in (("clone3", "EAGAIN", "1"), ("clone3", "EAGAIN", "2"), ("clone3", "EAGAIN", "3"),
                                  ("epoll_create1", "EMFILE", "1"), ("epoll_create1", "ENOMEM", "2"),
                                  ("eventfd2", "EMFILE", "1+"), ("timerfd_create", "EMFILE", "1+")):
            with self.subTest(call=call, when=when), TracedProgram(
                    "echo_server", "--threads", "2", ANY_PORT, trace=call,
                    inject=[f"{call}:error={error}:when={when}"]) as server:
                self.assertEqual(server.wait(), 2)
                self.assertEqual(len(server.err.all()), 1, server.err.seen)
                self.assertRegex(server.err.seen[0], "^echo_server: ")
                self.assertGreaterEqual(len(server.injected()), 1)


class Descriptors(unittest.TestCase):
    def test_each_is_closed_on_exec(self):
        with tempfile.TemporaryDirectory() as folder:
            with Server("echo_server", *FRAMES, ANY_PORT, "tcp://[::1]:0", f"unix:{folder}/a", listeners=3) as server:
                peers = []
                for endpoint in server.endpoints:
                    server.endpoint = endpoint
                    peers += [server.connect() for _ in range(3)]
                for peer in peers:
                    exchange(peer)
                own = [number for number in descriptors(server.pid) if number > 2]
                self.assertGreater(len(own), 3 + 9)
                self.assertEqual([n for n in own if not closed_on_exec(server.pid, n)], [])
                for peer in peers:
                    peer.close()

    def test_the_soft_limit_is_raised_to_the_hard_one(self):
        with Server("echo_server", "-v", ANY_PORT, under=["prlimit", "--nofile=512:700"]) as server:
            server.err.wait_for(r".*512.*700.*")
            limits = Path(f"/proc/{server.pid}/limits").read_text()
            self.assertRegex(limits, r"Max open files\s+700\s+700")


class Again(unittest.TestCase):
    def test_after_sigkill_the_port_is_free(self):
        server = self.enterContext(Server("echo_server", *FRAMES, ANY_PORT))
        endpoint = server.endpoint
        for _ in range(20):
            with server.connect() as peer:
                exchange(peer)
                server.signal(signal.SIGKILL)
                self.assertEqual(server.wait(), -signal.SIGKILL)
                server = self.enterContext(Server("echo_server", *FRAMES, endpoint))
                self.assertEqual(server.endpoint, endpoint)
        self.assertEqual(server.stop(), 0)

    def test_after_sigkill_a_unix_socket_is_taken_over(self):
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(10):
                with Server("echo_server", *FRAMES, f"unix:{folder}/a") as server, server.connect() as peer:
                    exchange(peer)
                    server.signal(signal.SIGKILL)
                    server.wait()
            with Server("echo_server", *FRAMES, f"unix:{folder}/a") as server:
                self.assertEqual(server.stop(), 0)


class Signals(unittest.TestCase):
    def test_sigterm_as_soon_as_it_listens(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for _ in range(20):
                with Server("echo_server", ANY_PORT) as server:
                    self.assertEqual(server.stop(number), 0)

    def test_a_stop_of_two_seconds_ends_no_session(self):
        with Server("echo_server", *FRAMES, "--idle", "20s", ANY_PORT) as server, server.connect() as peer:
            exchange(peer)
            eventually(lambda: states(server.pid) == {"S"})
            with stopped(server.pid):
                time.sleep(2)  # passage: the stop
            exchange(peer)
            self.assertEqual(server.err.seen, [])

    def test_both_signals_at_once_end_it(self):
        for _ in range(10):
            with Server("echo_server", *FRAMES, "--drain", "10m", ANY_PORT) as server, server.connect() as peer:
                exchange(peer)
                peer.sendall(b"\0")  # the head of a frame, which a drain waits for
                try:
                    self.assertTrue(eventually(lambda: all_read(peer)))
                except OSError:
                    self.fail(f"the peer was left before any signal: {server.err.seen}, {server.process.poll()}")
                server.signal(signal.SIGTERM)
                server.signal(signal.SIGINT)
                self.assertEqual(server.wait(), 1)
                self.assertEqual([line.split()[1] for line in what_was_cut(server)],
                                 ["127.0.0.1:%d" % peer.getsockname()[1]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
