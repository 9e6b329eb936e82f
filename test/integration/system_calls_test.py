# SPDX-License-Identifier: BSL-1.0
"""What a message costs in system calls, as strace counts them."""
import tempfile
import unittest

from certificates import Certificates
from kernel import TracedServer, all_read, eventually
from process import PATIENCE, exchange, framed, receive
from tls import client_context, connect

OPTIONS = ("--mode", "frames", "--quiet", "--threads", "1")
FRAMES = (*OPTIONS, "tcp://127.0.0.1:0")
MESSAGES = 200
FEW = 50  # around the first message and the last


class SystemCalls(unittest.TestCase):
    def counted(self):
        with TracedServer("echo_server", *FRAMES, trace="network,epoll_ctl") as server:
            with server.connect() as peer:
                for _ in range(MESSAGES):
                    exchange(peer)
            self.assertEqual(server.stop(), 0)
            server.calls.all()
            return {name: len(server.calls.matching(rf"\b{name}\(")) for name in
                    ("recvfrom", "recvmsg", "sendto", "sendmsg", "epoll_ctl")}

    def test_a_message_alone_is_received_once_and_sent_once(self):
        calls = self.counted()
        self.assertLess(calls["recvfrom"] + calls["recvmsg"], MESSAGES + FEW, calls)
        self.assertLess(calls["sendto"] + calls["sendmsg"], MESSAGES + FEW, calls)
        # With nobody else to share its turn of the loop with, it pays for that one's.
        self.assertLess(calls["epoll_ctl"], MESSAGES + FEW, calls)

    def test_receiving_costs_at_most_a_call_for_each_kib_whatever_room_a_partial_frame_leaves(self):
        """Of the first block, 4 KiB. The rest of the frame comes at once, over TLS in a record as large as there are."""
        with tempfile.TemporaryDirectory() as folder:
            made = Certificates(folder)
            pair = made.server()
            context = client_context(made.ca)
            for endpoint, options in (("tcp://127.0.0.1:0", ()),
                                      ("tls://127.0.0.1:0", ("--cert", pair.certificate, "--key", pair.key))):
                for left in (1, 2, 100, 1023, 1024, 1025):
                    with self.subTest(endpoint=endpoint, left=left):
                        calls, kib = self.calls_for_the_rest(context, endpoint, options, left)
                        self.assertLess(calls, kib + FEW)

    def calls_for_the_rest(self, context, endpoint, options, left):
        frame = framed(bytes(4096 - left - 4 + 16 * 1024))
        with TracedServer("echo_server", *OPTIONS, *options, endpoint, trace="recvfrom,recvmsg,read") as server:
            with connect(server.endpoint, context) if options else server.connect() as peer:
                peer.settimeout(PATIENCE)
                exchange(peer)
                peer.sendall(frame[:4096 - left])
                self.assertTrue(eventually(lambda: all_read(peer)))
                peer.sendall(frame[4096 - left:])
                self.assertEqual(receive(peer, len(frame)), frame)
            self.assertEqual(server.stop(), 0)
            server.calls.all()
            return len(server.calls.matching(r"\brecv(from|msg)\(")), len(frame) // 1024


if __name__ == "__main__":
    unittest.main()
