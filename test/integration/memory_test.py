# SPDX-License-Identifier: BSL-1.0
"""What connections cost while they live, and that nothing of them stays."""
import contextlib
import json
import resource
import unittest

from crowd import MANY, Crowd, churn
from kernel import address_space, descriptors, eventually, most_resident, resident, sockets
from process import Server, exchange, framed, receive

IDLE = 10_000
AT_MOST = 2.25 * 1024
CHURN = 100_000
MIB = 1024 * 1024


class Memory(unittest.TestCase):
    def test_an_idle_connection_is_parked(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "--idle", "10m", "tcp://127.0.0.1:0") as server:
            with server.connect() as peer:
                address = peer.getpeername()
                exchange(peer, bytes(4096))
            before = resident(server.pid)
            with contextlib.ExitStack() as stack:
                for _ in range(IDLE // 500):
                    crowd = stack.enter_context(Crowd(address, 500, payload=bytes(4096), sources=MANY))
                    self.assertEqual(crowd.wait(500), 500)

                def each():
                    return (resident(server.pid) - before) / IDLE

                self.assertTrue(eventually(lambda: each() <= AT_MOST), each())
                print(f"{each():.0f} bytes for an idle connection")
                self.assertGreater(each(), 200)  # that they are there at all

    def test_a_hundred_thousand_come_and_go_and_nothing_stays(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "tcp://127.0.0.1:0") as server:
            idle = len(descriptors(server.pid))
            with server.connect() as peer:
                address = peer.getpeername()
                exchange(peer)
            churn(address, CHURN // 2)
            self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == idle))
            half = resident(server.pid)
            churn(address, CHURN // 2)
            self.assertTrue(eventually(lambda: len(descriptors(server.pid)) == idle))
            grown = resident(server.pid) - half
            print(f"{grown // 1024} KiB more after {CHURN} connections than after {CHURN // 2}")
            self.assertLessEqual(grown, 256 * 1024)
            self.assertEqual(server.stop(), 0)
            server.err.wait_for("caught SIGTERM, draining 0 connections")


class Refused(unittest.TestCase):
    def test_a_connection_whose_memory_the_kernel_refuses_fails_alone(self):
        with Server("echo_server", "--mode", "frames", "--quiet", "--threads", "2", "tcp://127.0.0.1:0") as server, \
                server.connect() as served, contextlib.ExitStack() as stack:
            exchange(served)
            most = address_space(server.pid) + 200 * MIB
            resource.prlimit(server.pid, resource.RLIMIT_AS, (most, most))
            for _ in range(400):
                peer = stack.enter_context(server.connect())
                with contextlib.suppress(ConnectionError):
                    peer.sendall(framed(bytes(MIB))[:-1])
                exchange(served)
                if server.err.seen:
                    break
            server.err.wait_for(r"127\.0\.0\.1:\d+: failed: ENOMEM: Cannot allocate memory .*")
            stack.close()
            self.assertTrue(eventually(lambda: len(sockets(server.pid)) == 2))  # it listens, and serves one
            exchange(served, bytes(MIB))
            served.close()
            self.assertEqual(server.stop(), 0)


class Messages(unittest.TestCase):
    """JSON that would be a tree of many times its size."""

    def message(self, content):
        header = json.dumps({"byteorder": "little", "content-type": "text/json", "content-encoding": "utf-8",
                             "content-length": len(content)}).encode()
        return len(header).to_bytes(2, "big") + header + content

    def exchange(self, peers, content):
        """All at once: each message is whole before the first is answered."""
        for peer in peers:
            peer.sendall(self.message(content)[:-1])
        for peer in peers:
            peer.sendall(content[-1:])
        for peer in peers:
            size = json.loads(receive(peer, int.from_bytes(receive(peer, 2), "big")))["content-length"]
            self.assertEqual(json.loads(receive(peer, size)), {"result": "In the caves beneath the Misty Mountains. 💍"})

    def test_twenty_mebibytes_of_json_take_their_buffers_and_give_them_back(self):
        asked = b'{"action": "search", "value": "ring", "rest": ['
        for item in (b"0,", b"{},", b'"a",', b"[[[]]],"):
            with self.subTest(item=item), Server("message_server", "127.0.0.1", 0) as server, contextlib.ExitStack() as stack:
                peers = [stack.enter_context(server.connect()) for _ in range(20)]
                self.exchange(peers, asked + b"0]}")
                before = resident(server.pid)
                big = asked + (MIB - len(asked) - 8) // len(item) * item + b"0]}"
                self.exchange(peers, big[:-1] + (MIB - len(big)) * b" " + b"}")
                peak = most_resident(server.pid) - before
                print(f"{peak / MIB:.1f} MiB at the most for 20 MiB of {item}")
                self.assertLessEqual(peak, 20 * 2 * MIB + 8 * MIB)  # a buffer is at most twice what has come
                self.assertGreater(peak, 15 * MIB)
                self.assertTrue(eventually(lambda: resident(server.pid) - before <= 4 * MIB), resident(server.pid) - before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
