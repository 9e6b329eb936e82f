# SPDX-License-Identifier: BSL-1.0
"""The admin endpoint of a running server, held against what the system's own tools say of the same process.

ss and lsof give the same rows as /connections; the metrics are read by the rules of their format; a server drains when
it is asked to, and says so until its end.
"""
import array
import contextlib
import fcntl
import os
import pwd
import signal
import socket
import ssl
import tempfile
import termios
import unittest
from pathlib import Path

from admin import COLUMNS, Admin, sockets_by_lsof, sockets_by_ss, sockets_by_us, unix_sockets_by_ss
from certificates import Certificates
from kernel import eventually
from process import PATIENCE, Server, exchange, framed, receive, run
from tls import client_context, connect

ANY_PORT = "tcp://127.0.0.1:0"
FRAMES = ("--mode", "frames", "--quiet")


def as_lsof(row):
    name = row["Local-Address"] + ("" if row["State"] == "LISTEN" else "->" + row["Peer-Address"])
    return row["PID"], row["User"], row["FD"], f"{name} ({row['State']})"


def started(*arguments, listeners=1, program="echo_server"):
    """A server with an admin endpoint, which is the last that it prints."""
    return Server(program, *arguments, listeners=listeners + 1)


def fill(admin, peer):
    """Sends, and reads nothing, until the server reads no more and keeps some of it in its kernel's queue."""
    def is_stuck():
        rows = [admin.row_of(peer) for _ in range(3)]
        return all(row["waiting_for"] == "output_room" and row["receive_queue"] > 0 for row in rows)

    peer.setblocking(False)
    try:
        while not is_stuck():
            peer.send(bytes(65536))  # there is room: what was sent before has arrived
            if not eventually(lambda: not unsent(peer)):
                raise AssertionError("the server's kernel takes no more, though the server could read")
    finally:
        peer.settimeout(PATIENCE)


def unsent(peer):
    """Bytes that the other end's kernel has not acknowledged."""
    count = array.array("i", [0])
    fcntl.ioctl(peer, termios.TIOCOUTQ, count)
    return count[0]


def slow_reader(server):
    """A client with little room for what it does not read."""
    host, port = server.endpoints[0].removeprefix("tcp://").split(":")
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.settimeout(PATIENCE)
    peer.connect((host, int(port)))
    return peer


class Sockets(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())

    def test_every_row_is_what_ss_and_lsof_say(self):
        made = Certificates(self.folder)
        pair = made.server()
        with started("--quiet", "--threads", "2", "--cert", pair.certificate, "--key", pair.key, ANY_PORT, "tcp://[::1]:0",
                     "tls://127.0.0.1:0", "--admin", "127.0.0.1:0", listeners=3) as server:
            v4, v6, tls, where = server.endpoints
            with Admin(where) as admin, server.connect() as idle, slow_reader(server) as slow, \
                    slow_reader(server) as gone, \
                    socket.create_connection(("::1", int(v6.rpartition(":")[2])), PATIENCE) as busy, \
                    connect(tls, client_context(made.ca, alpn=())) as secret:
                secret.sendall(b"secret")
                receive(secret, 6)
                busy.sendall(b"x" * 1000)
                receive(busy, 1000)
                fill(admin, slow)
                fill(admin, gone)
                gone.shutdown(socket.SHUT_WR)
                eventually(lambda: admin.row_of(gone)["state"] == "CLOSE_WAIT")

                rows = self.same_as_ss(admin, server)
                self.assertEqual(len(rows), 4 + 5 + 1)  # listeners, connections, and the admin's own
                self.assertEqual(sorted(row[5] for row in rows),
                                 ["CLOSE_WAIT", *5 * ["ESTABLISHED"], *4 * ["LISTEN"]])
                self.assertEqual(sorted(map(as_lsof, admin.table())), sockets_by_lsof(server.pid))

                self.check_sessions(admin, idle, busy, slow, gone, secret)
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)

    def same_as_ss(self, admin, server, kind="-t", protocols=("tcp", "tcp6")):
        """The rows, once both see them alike: between the two looks a client's kernel may acknowledge something."""
        def look():
            seen[:] = sockets_by_us(admin.rows(), protocols), sockets_by_ss(server.pid, kind)
            return seen[0] == seen[1]

        seen = []
        eventually(look)
        self.assertEqual(*seen)
        return seen[0]

    def check_sessions(self, admin, idle, busy, slow, gone, secret):
        rows = {name: admin.row_of(peer) for name, peer in
                (("idle", idle), ("busy", busy), ("slow", slow), ("gone", gone), ("secret", secret))}
        for name, row in rows.items():
            with self.subTest(name):
                self.assertEqual(row["user"], pwd.getpwuid(os.geteuid()).pw_name)
                self.assertLessEqual(row["idle_ms"], row["age_ms"])
                self.assertLessEqual(row["waiting_ms"], row["age_ms"])
                self.assertEqual(row["over_tls"], name == "secret")
        self.assertEqual((rows["idle"]["waiting_for"], rows["idle"]["bytes_in"]), ("readability", 0))
        self.assertIn(rows["busy"]["waiting_for"], ("input", "readability"))
        self.assertEqual((rows["busy"]["bytes_in"], rows["busy"]["bytes_out"]), (1000, 1000))
        for name in ("slow", "gone"):
            self.assertEqual(rows[name]["waiting_for"], "output_room")
            self.assertGreater(rows[name]["receive_queue"], 0)
            self.assertGreater(rows[name]["send_queue"], 0)
            self.assertGreater(rows[name]["bytes_in"], rows[name]["bytes_out"])
        self.assertIsNone(rows["busy"]["tls"])
        agreed = rows["secret"]["tls"]
        self.assertEqual((agreed["version"], agreed["cipher"], agreed["server_name"], agreed["alpn"], agreed["resumed"]),
                         (secret.version(), secret.cipher()[0], "localhost", "", False))

    def test_the_table_and_json_say_the_same(self):
        with started(*FRAMES, ANY_PORT, f"unix:{self.folder}/a b", "--admin", f"unix:{self.folder}/admin",
                     listeners=2) as server, \
                server.connect() as peer, socket.socket(socket.AF_UNIX) as other, Admin(server.endpoints[-1]) as admin:
            other.connect(f"{self.folder}/a b")
            exchange(peer)
            exchange(other)
            table, rows = self.table_and_rows_at_rest(admin)
            self.assertEqual(len(rows), 3 + 2 + 1)
            self.assertEqual(len(table), len(rows))
            for line, row in zip(table[:-1], rows):  # the last is the endpoint's own connection, which has asked once more
                self.assertEqual(
                    [line[c] for c in COLUMNS[:9]],
                    [row["protocol"], str(row["receive_queue"]), str(row["send_queue"]), row["local"].replace(" ", r"\x20"),
                     row["peer"], row["state"], str(row["pid"]), row["user"], f"{row['fd']}u"])
                if row["state"] == "LISTEN":
                    self.assertEqual({line[c] for c in COLUMNS[9:]}, {"-"})
                else:
                    self.assertEqual([line[c] for c in COLUMNS[13:]],
                                     [*(str(row[k]) for k in ("bytes_in", "bytes_out", "frames_in", "frames_out")), "-"])
                    self.assertRegex(line["Age"], r"^\d+\.\ds$")
            accepted = [row for row in rows if row["protocol"] == "unix" and row["local"].endswith("a b") and "waiting_for" in row]
            self.assertEqual([row["frames_in"] for row in accepted], [1])
            self.assertEqual(accepted[0]["idle_ms"], accepted[0]["waiting_ms"])

    def table_and_rows_at_rest(self, admin):
        """Both, once the kernels have acknowledged, and the server has counted, all that was sent."""
        def still(rows):
            return [(row["receive_queue"], row["send_queue"], row.get("bytes_out")) for row in rows[:-1]]

        def look():
            before = still(admin.rows())
            found[:] = admin.table(), admin.rows()
            return still(found[1]) == before and all(bytes_out != 0 for _, _, bytes_out in before)

        found = []
        self.assertTrue(eventually(look))
        return found

    def test_a_queue_that_nobody_accepts_from_is_seen(self):
        with started(*FRAMES, "--max-connections", "1", "--backlog", "7", ANY_PORT, f"unix:{self.folder}/a", "--admin",
                     ANY_PORT, listeners=2) as server, server.connect() as first, Admin(server.endpoints[-1]) as admin:
            exchange(first)
            waiting = [server.connect() for _ in range(3)]
            other = [socket.socket(socket.AF_UNIX) for _ in range(2)]
            for each in other:
                each.connect(f"{self.folder}/a")
            rows = []

            def look():
                rows[:] = admin.rows()  # the endpoint's own connection needs no permit of the server's
                return [row["receive_queue"] for row in rows[:2]] == [3, 2]

            self.assertTrue(eventually(look), rows)
            self.same_as_ss(admin, server)
            self.assertEqual([row["send_queue"] for row in rows[:2]], [7, 7])
            self.assertEqual([row["bytes_in"] for row in rows if row.get("frames_in") == 1], [5])
            self.assertEqual(sockets_by_us(rows, ("unix",)), unix_sockets_by_ss(server.pid))
            for each in waiting + other:
                each.close()

    def test_each_socket_of_a_port_that_is_shared_is_a_row(self):
        with started(*FRAMES, "--threads", "2", "--reuse-port", ANY_PORT, "--admin", ANY_PORT) as server, \
                server.connect() as peer, Admin(server.endpoints[-1]) as admin:
            exchange(peer)
            listening = [row for row in admin.rows() if f"tcp://{row['local']}" == server.endpoint and row["state"] == "LISTEN"]
            self.assertEqual(len({row["fd"] for row in listening}), 2)
            self.same_as_ss(admin, server)

    def test_connections_of_a_unix_socket_are_what_ss_says(self):
        with started("--quiet", f"unix:{self.folder}/a", "--admin", ANY_PORT) as server, \
                socket.socket(socket.AF_UNIX) as slow, Admin(server.endpoints[-1]) as admin:
            slow.connect(f"{self.folder}/a")
            slow.setblocking(False)

            def stuck():
                with contextlib.suppress(BlockingIOError):
                    slow.send(bytes(65536))
                    return False
                rows = [row for row in admin.rows() if row["protocol"] == "unix" and row["state"] == "ESTABLISHED"]
                return bool(rows) and rows[0]["waiting_for"] == "output_room" and rows[0]["receive_queue"] > 0

            self.assertTrue(eventually(stuck))
            self.assertTrue(eventually(lambda: sockets_by_us(admin.rows(), ("unix",)) == unix_sockets_by_ss(server.pid)))
            self.assertEqual([row[5] for row in unix_sockets_by_ss(server.pid)], ["LISTEN", "ESTABLISHED"])

    def test_udp_sockets_have_rows(self):
        with started("udp://127.0.0.1:0", "--admin", ANY_PORT, program="qotd_server") as server, \
                Admin(server.endpoints[-1]) as admin:
            rows = self.same_as_ss(admin, server, "-u", ("udp", "udp6"))
            self.assertEqual([row[5] for row in rows], ["UNCONN"])


class Requests(unittest.TestCase):
    def test_a_host_that_is_a_name_is_refused(self):
        with started(ANY_PORT, "--admin", ANY_PORT) as server, Admin(server.endpoints[1]) as admin:
            for path in ("/connections", "/metrics", "/health", "/drain"):
                for host in ("attacker.example", "localhost.attacker.example", "127.0.0.1.attacker.example:80"):
                    answer = admin.get(path, host=host)
                    self.assertEqual((answer.status, answer.body), (403, b"Host: expected an address or localhost\n"))
            for host in ("127.0.0.1", "localhost:9090", "[::1]:1"):
                self.assertEqual(admin.get("/health", host=host).status, 200)

    def test_json_is_for_those_who_ask_for_it(self):
        with started(ANY_PORT, "--admin", ANY_PORT) as server, Admin(server.endpoints[1]) as admin:
            for accept, expected in (("application/json", "application/json"),
                                     ("text/html, application/json;q=0.9", "application/json"),
                                     ("APPLICATION/JSON", "application/json"),
                                     ("application/json;q=0", "text/plain; charset=utf-8"),
                                     ("*/*", "text/plain; charset=utf-8"),
                                     ("application/jsonx, text/*", "text/plain; charset=utf-8")):
                answer = admin.get("/connections", f"Accept: {accept}")
                self.assertEqual((answer.field("Content-Type"), answer.field("Vary")), (expected, "Accept"), accept)

    def test_metrics_are_what_happened(self):
        with tempfile.TemporaryDirectory() as folder:
            pair = Certificates(folder).server()
            with started(*FRAMES, "--per-address", "2", "--threads", "2", "--max-connections", "10", "--cert",
                         pair.certificate, "--key", pair.key, ANY_PORT, "tls://127.0.0.1:0", "--admin", ANY_PORT,
                         listeners=2) as server, Admin(server.endpoints[-1]) as admin:
                self.assertEqual(admin.metrics()["hawser_connections_accepted_total"], 0)
                with server.connect() as first, server.connect() as second:
                    exchange(first, b"hello")
                    exchange(second)
                    with self.assertRaises(ConnectionResetError), server.connect() as third:
                        third.recv(1)
                    now = {}

                    def is_settled():  # what was sent is counted just after it has been, and who was refused is let go
                        now.update(admin.metrics())
                        return now["hawser_sent_bytes_total"] == 14 and now['hawser_loop_connections{loop="0"}'] == 1

                    eventually(is_settled)
                    expires = ssl.cert_time_to_seconds(ssl._ssl._test_decode_cert(str(pair.certificate))["notAfter"])
                    for name, value in (("connections", 2), ("connections_limit", 10), ("connections_accepted_total", 3),
                                        ("connections_refused_total", 1), ("accept_errors_total", 0),
                                        ("sessions_completed_total", 0), ("sessions_failed_total", 0),
                                        ("received_bytes_total", 14), ("sent_bytes_total", 14),
                                        ("received_frames_total", 2), ("sent_frames_total", 2), ("draining", 0),
                                        ("loops", 2), ('loop_connections{loop="0"}', 1), ('loop_connections{loop="1"}', 1),
                                        ("certificate_expiry_timestamp_seconds", expires)):
                        self.assertEqual(now[f"hawser_{name}"], value, name)
                    first.sendall(framed(b"")[:2])
                    first.shutdown(socket.SHUT_WR)
                self.assertTrue(eventually(lambda: admin.metrics()["hawser_connections"] == 0))
                now = admin.metrics()
                self.assertEqual((now["hawser_sessions_completed_total"], now["hawser_sessions_failed_total"]), (1, 1))


class Drain(unittest.TestCase):
    def test_over_a_unix_socket_it_drains_and_answers_until_the_end(self):
        with tempfile.TemporaryDirectory() as folder:
            with started(*FRAMES, ANY_PORT, "--admin", f"unix:{folder}/admin") as server, server.connect() as peer, \
                    Admin(server.endpoints[1]) as admin:
                exchange(peer)
                head = framed(b"last")
                peer.sendall(head[:4])
                self.assertTrue(eventually(lambda: admin.row_of(peer)["bytes_in"] == 9))
                self.assertEqual((admin.get("/health").status, admin.get("/drain").status), (200, 405))
                answer = admin.get("/drain", method="POST")
                self.assertEqual((answer.status, answer.body), (202, b"draining\n"))
                server.err.wait_for("draining 1 connections")
                answer = admin.get("/health")
                self.assertEqual((answer.status, answer.body), (503, b"draining\n"))
                self.assertEqual(admin.metrics()["hawser_draining"], 1)
                self.assertTrue(eventually(lambda: [row["state"] for row in admin.rows() if row["protocol"] == "tcp"] ==
                                           ["ESTABLISHED"]))
                peer.sendall(head[4:])
                self.assertEqual(receive(peer, 8), head)
                peer.close()
                self.assertEqual(server.wait(), 0)
                self.assertEqual(admin.rest(), b"")
                self.assertFalse(Path(folder, "admin").exists())

    def test_over_tcp_it_is_refused(self):
        with started(ANY_PORT, "--admin", ANY_PORT) as server, Admin(server.endpoints[1]) as admin:
            for method in ("POST", "GET", "PUT"):
                self.assertEqual(admin.get("/drain", method=method).status, 403)
            self.assertEqual(admin.get("/health").status, 200)

    def test_at_a_signal_whoever_asks_is_answered_and_nobody_is_waited_for(self):
        with started(ANY_PORT, "--admin", ANY_PORT) as server, Admin(server.endpoints[1]) as admin:
            self.assertEqual(admin.get("/health").status, 200)
            self.assertEqual(server.stop(), 0)
            self.assertEqual(admin.rest(), b"")
            self.assertFalse(any("cut" in line and "cut 0" not in line for line in server.err.all()), server.err.seen)


class Option(unittest.TestCase):
    def test_without_a_value_it_is_port_9090(self):
        alone = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        for arguments in (("--admin", "--quiet", ANY_PORT), (ANY_PORT, "--admin"), ("--admin", "--", ANY_PORT)):
            with Server("echo_server", *arguments, listeners=2, under=alone) as server:
                self.assertEqual(server.endpoints[1], "tcp://127.0.0.1:9090")
                server.err.wait_for("admin on tcp://127.0.0.1:9090")

    def test_what_cannot_be_is_refused_by_name(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            used = f"127.0.0.1:{taken.getsockname()[1]}"
            for arguments, named in (((ANY_PORT, "--admin", "tls://127.0.0.1:0"), ("--admin", "tls://127.0.0.1:0", "unix:PATH")),
                                     ((ANY_PORT, "--admin", "udp://127.0.0.1:0"), ("--admin", "udp://127.0.0.1:0")),
                                     (("--admin", "9090", ANY_PORT), ("--admin", "9090")),
                                     ((ANY_PORT, "--admin", "127.0.0.1:0", "--admin", "127.0.0.1:0"), ("--admin", "once")),
                                     ((ANY_PORT, "--admin", used), (used, "EADDRINUSE"))):
                status, out, err = run("echo_server", *arguments)
                self.assertEqual((status, out, len(err)), (2, [], 1), err)
                for name in named:
                    self.assertIn(name, err[0])
        status, out, err = run("bench_server", "--model", "threads", "--admin", "127.0.0.1:0", ANY_PORT)
        self.assertEqual((status, out), (2, []))
        self.assertIn("--admin", err[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
