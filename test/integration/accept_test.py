# SPDX-License-Identifier: BSL-1.0
"""Accepting when the kernel refuses: no descriptors, no memory, aborted connections, a listener that is gone."""
import contextlib
import itertools
import os
import re
import time
import unittest
from pathlib import Path

from crowd import Crowd
from kernel import TracedServer, Watch, descriptors, eventually, limit_descriptors, sockets, stopped
from peers import address_of
from process import Server, exchange

TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
FRAMES = ("--mode", "frames", "--quiet")
ANY_PORT = "tcp://127.0.0.1:0"
PAUSE = 0.100  # seconds, after which a server that found no descriptor tries again
TICK = 0.010   # of the clock by which it pauses, at most
SHED_AFTER = 5  # seconds, after which a session that waits may be ended to make room for a newcomer


def refused(server):
    try:
        server.connect().close()
    except OSError:
        return True
    return False


class Starved(unittest.TestCase):
    """No descriptor is left: the limit is lowered under a server that started with a higher one."""

    def test_a_crowd_is_served_in_turn_and_waiting_costs_little(self):
        with Server("echo_server", *FRAMES, ANY_PORT) as server:
            before = len(descriptors(server.pid))
            limit_descriptors(server.pid, 64)
            with Crowd(address_of(server.endpoint), 200) as crowd, Watch(server.pid, "accept4,epoll_wait") as watch:
                inside = 64 - before
                self.assertEqual(crowd.wait(inside), inside)
                # A call that fails for each pause, and next to nothing in between.
                watch.calls.wait_for(r".*EMFILE.*", 6)
                self.assertEqual(crowd.wait(inside + 1, 0), inside)
                self.assertLess(max(self.waits_between_failures(watch.timeline())), 50)
                freed = 0
                while crowd.open:
                    crowd.answered.pop(0).close()
                    freed += 1
                    self.assertEqual(crowd.wait(inside), inside)
                self.assertEqual(crowd.lost, [])
            self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == before))
            self.assertEqual(server.stop(), 0)
            self.assertEqual(len([line for line in server.err.all() if "EMFILE" in line]), 1)
        # However long it has waited, a descriptor that is freed is one call more. It may come too late: the server opens
        # files, too.
        failed = [when for _, when, call in watch.timeline() if "EMFILE" in call]
        self.assertLessEqual(sum(b - a < PAUSE - TICK for a, b in itertools.pairwise(failed)), freed)

    def waits_between_failures(self, timeline):
        """How often the thread that accepts called epoll_wait between one call that failed and the next."""
        thread = next(thread for thread, _, call in timeline if "EMFILE" in call)
        counts = [0]
        for each, _, call in timeline:
            if "EMFILE" in call:
                counts.append(0)
            elif each == thread and call.startswith("epoll_wait("):
                counts[-1] += 1
        return counts[1:-1]

    def test_a_descriptor_that_it_frees_itself_is_used_without_waiting_for_the_end_of_the_pause(self):
        # No pause ends: its timers never ring. One loop, since another one's descriptor may not be closed yet when the
        # acceptor hears of it; the watchdog, which opens a file when it looks, sleeps for an hour.
        with TracedServer("options_server", "echo", "loops=1", "blocked=3600000", trace="timerfd_settime",
                          inject=["timerfd_settime:retval=0"], directory=TEST_PROGRAMS) as server:
            limit_descriptors(server.pid, len(descriptors(server.pid)) + 5)
            with Crowd(address_of(server.endpoint), 50) as crowd:
                self.assertEqual(crowd.wait(5), 5)
                while crowd.open:
                    crowd.answered.pop(0).close()
                    self.assertEqual(crowd.wait(5), 5)
                self.assertEqual(crowd.lost, [])
            self.assertEqual(server.stop(), 0)
            self.assertGreaterEqual(len(server.injected()), 1)

    def test_a_descriptor_that_something_else_frees_is_used(self):
        with Server("echo_server", *FRAMES, ANY_PORT) as server:
            before = len(descriptors(server.pid))
            limit_descriptors(server.pid, before + 5, hard=False)
            with Crowd(address_of(server.endpoint), 15) as crowd:
                for more in range(11):
                    limit_descriptors(server.pid, before + 5 + more, hard=False)
                    self.assertEqual(crowd.wait(5 + more), 5 + more)

    def test_established_connections_go_on(self):
        with Server("echo_server", *FRAMES, ANY_PORT) as server:
            limit_descriptors(server.pid, len(descriptors(server.pid)) + 2)
            with server.connect() as one, server.connect() as two, Crowd(address_of(server.endpoint), 10) as crowd:
                for number in range(100):
                    exchange(one, b"%d" % number)
                    exchange(two, b"%d" % number)
                self.assertEqual(crowd.wait(1, 0), 0)


class Spoilt(unittest.TestCase):
    """accept4 fails as it is told to."""

    def queue_of_three(self, error, when):
        with TracedServer("echo_server", *FRAMES, ANY_PORT, trace="accept4",
                    inject=[f"accept4:error={error}:when={when}"]) as server:
            with stopped(server.pid):
                crowd = Crowd(address_of(server.endpoint), 3)
            with crowd:
                self.assertEqual(crowd.wait(3), 3)
            self.assertEqual(server.stop(), 0)
            self.assertGreaterEqual(len(server.injected()), 1)
            self.assertEqual([line for line in server.err.all() if "pauses" in line], [])

    def test_an_aborted_connection_does_not_hold_up_those_behind_it(self):
        for error in ("ECONNABORTED", "EPROTO", "ENETDOWN", "EHOSTUNREACH"):
            for when in ("1", "2", "3", "1..3"):
                with self.subTest(error=error, when=when):
                    self.queue_of_three(error, when)

    def test_everybody_is_served_once_the_kernel_accepts_again_whatever_it_said(self):
        faults = {"ENOBUFS": 50, "ENFILE": 5, "ENOMEM": 5, "EPERM": 5, "EACCES": 5, "EIO": 5, "ETIMEDOUT": 5,
                  "ECONNRESET": 5, "EFAULT": 5, "ENETDOWN": 200}
        with contextlib.ExitStack() as stack:
            started = []
            for error, count in faults.items():
                server = stack.enter_context(TracedServer("echo_server", *FRAMES, ANY_PORT, trace="accept4",
                                                    inject=[f"accept4:error={error}:when=1..{count}"]))
                started.append((error, count, server, stack.enter_context(Crowd(address_of(server.endpoint), 10))))
            for error, count, server, crowd in started:
                with self.subTest(error=error):
                    self.assertEqual(crowd.wait(10), 10)
                    self.assertEqual(server.stop(), 0)
                    self.assertEqual(len(server.injected()), count)
                    self.assertEqual(len([line for line in server.err.all() if error in line]), 1)

    def test_interruptions_and_false_alarms_are_invisible(self):
        for error in ("EINTR", "EAGAIN"):
            with self.subTest(error=error), TracedServer("echo_server", *FRAMES, ANY_PORT, trace="accept4",
                                                   inject=[f"accept4:error={error}:when=1+2"]) as server:
                for _ in range(1000):
                    with server.connect() as peer:
                        exchange(peer)
                self.assertEqual(server.stop(), 0)
                self.assertGreaterEqual(len(server.injected()), 1000)
                self.assertEqual([line for line in server.err.all() if error in line], [])

    def test_a_listener_that_is_gone_says_so_once_and_the_other_lives(self):
        for error in ("EBADF", "EINVAL", "ENOTSOCK"):
            with self.subTest(error=error), TracedServer("echo_server", *FRAMES, ANY_PORT, ANY_PORT, listeners=2,
                                                   trace="accept4",
                                                   inject=[f"accept4:error={error}:when=1"]) as server:
                with contextlib.suppress(OSError), server.connect():
                    pass
                server.err.wait_for(rf".*{re.escape(server.endpoints[0])}: .*failed.*{error}.*")
                self.assertTrue(eventually(lambda: refused(server)))
                for _ in range(10):
                    with Crowd(address_of(server.endpoints[1]), 3) as crowd:
                        self.assertEqual(crowd.wait(3), 3)
                self.assertEqual(server.stop(), 0)
                self.assertEqual(len([line for line in server.err.all() if error in line]), 1)
                server.calls.all()
                self.assertLess(len(server.calls.matching(r"accept4\(")), 10 * 3 * 3)

    def test_one_socket_that_the_poller_refuses_is_one_connection_refused(self):
        # One loop, and no signal at the end: a call by which one thread wakes another is never refused by a kernel.
        with TracedServer("echo_server", *FRAMES, "--threads", "1", ANY_PORT, trace="epoll_ctl",
                    inject=["epoll_ctl:error=ENOSPC:when=20+7"]) as server:
            idle = len(sockets(server.pid))
            served = 0
            for _ in range(200):
                with server.connect() as peer, contextlib.suppress(AssertionError, ConnectionError):
                    exchange(peer)
                    served += 1
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))
        server.calls.all()
        refused = len(server.calls.matching(r"EPOLL_CTL_ADD.*\(INJECTED\)$"))
        self.assertGreater(refused, 5)
        self.assertEqual(served, 200 - refused)


class Limits(unittest.TestCase):
    def test_beyond_the_limit_a_newcomer_waits_and_is_served_when_one_leaves(self):
        with Server("echo_server", *FRAMES, "--max-connections", "5", ANY_PORT) as server:
            begin = time.monotonic()
            with Crowd(address_of(server.endpoint), 8) as crowd:
                self.assertEqual(crowd.wait(5), 5)
                self.nobody_else_is_served(crowd, begin)
                for _ in range(3):
                    crowd.answered.pop(0).close()
                    self.assertEqual(crowd.wait(5), 5)
                self.assertEqual((crowd.open, crowd.lost), ({}, []))

    def nobody_else_is_served(self, crowd, since):
        inside = len(crowd.answered)
        served = crowd.wait(inside + 1, 0.2)
        if time.monotonic() - since < SHED_AFTER:
            self.assertEqual(served, inside)

    def test_where_it_is_refused_instead_one_more_is_told_so(self):
        for program, ask, got in (("echo_server", b"x", b""),
                                  ("http_server", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 503 ")):
            with Server(program, "--quiet", "--max-connections", "1", "--when-full", "refuse", ANY_PORT) as server:
                with server.connect() as inside:
                    for _ in range(20):
                        inside.sendall(ask)
                        self.assertNotEqual(inside.recv(4096), b"")
                        answer = b""
                        # It may come before connect() has returned.
                        with contextlib.suppress(ConnectionError), server.connect() as peer:
                            if got:
                                peer.sendall(ask)
                            while piece := peer.recv(4096):
                                answer += piece
                        self.assertTrue(answer.startswith(got) if got else answer == b"", answer)
                        self.assertLessEqual(len(answer), 2048)
                    inside.sendall(ask)
                    self.assertNotEqual(inside.recv(4096), b"")
                self.assertEqual(server.stop(), 0)

    def a_thousand_never_hold_more_than(self, limit, server):
        idle = len(sockets(server.pid))
        with Crowd(address_of(server.endpoint), 1000) as crowd:
            most = 0
            while crowd.open:
                self.assertGreater(crowd.wait(1), 0)
                most = max(most, len(sockets(server.pid)) - idle)
                while crowd.answered:
                    crowd.answered.pop().close()
            self.assertEqual(crowd.lost, [])
            self.assertLessEqual(most, limit)
        self.assertTrue(eventually(lambda: len(sockets(server.pid)) == idle))

    def test_with_a_socket_for_each_loop_the_limit_is_the_servers_and_nobody_is_lost(self):
        with Server("echo_server", *FRAMES, "--threads", "2", "--reuse-port", "--max-connections", "8",
                    ANY_PORT) as server:
            self.a_thousand_never_hold_more_than(8, server)
            self.assertEqual(server.stop(), 0)

    def test_the_limit_holds_while_a_thousand_come_and_go(self):
        with Server("echo_server", *FRAMES, "--max-connections", "8", ANY_PORT) as server:
            self.a_thousand_never_hold_more_than(8, server)

    def test_one_more_from_an_address_is_reset_and_other_addresses_are_not(self):
        with Server("echo_server", *FRAMES, "--per-address", "3", ANY_PORT) as server:
            with Crowd(address_of(server.endpoint), 3) as crowd:
                self.assertEqual(crowd.wait(3), 3)
                for _ in range(20):
                    with self.assertRaises(ConnectionResetError), server.connect() as peer:
                        peer.recv(1)
                with Crowd(address_of(server.endpoint), 3, sources=["127.0.0.2"]) as others:
                    self.assertEqual(others.wait(3), 3)
                crowd.answered.pop().close()

                def served_again():
                    with contextlib.suppress(OSError), server.connect() as peer:
                        exchange(peer)
                        return True

                self.assertTrue(eventually(served_again))

    def test_a_file_opens_while_every_permit_is_used(self):
        with Server("echo_server", *FRAMES, ANY_PORT, under=["prlimit", "--nofile=256:256"]) as server:
            idle = len(sockets(server.pid))
            begin = time.monotonic()
            with Crowd(address_of(server.endpoint), 256) as crowd:
                self.assertEqual(crowd.wait(192), 192)
                self.nobody_else_is_served(crowd, begin)
                self.assertLessEqual(len(sockets(server.pid)) - idle, 192)
                self.assertLess(len(descriptors(server.pid)), 256 - 16)
                limit = Path(f"/proc/{server.pid}/limits").read_text()
                self.assertRegex(limit, r"Max open files\s+256\s+256")
            self.assertNotIn("EMFILE", " ".join(server.err.seen))


if __name__ == "__main__":
    unittest.main(verbosity=2)
