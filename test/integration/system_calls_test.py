"""What a message costs in system calls, as strace counts them."""
import unittest

from kernel import TracedServer
from process import exchange

FRAMES = ("--mode", "frames", "--quiet", "--threads", "1", "tcp://127.0.0.1:0")
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


if __name__ == "__main__":
    unittest.main()
