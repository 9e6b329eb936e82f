# SPDX-License-Identifier: BSL-1.0
"""How soon a server says that it cannot listen, and how soon another one listens where the first was killed."""
import signal
import statistics
import tempfile
import unittest

from delays import Delays, seconds
from process import Program, Server, exchange

FRAMES = ("--mode", "frames", "--quiet")
ANY_PORT = "tcp://127.0.0.1:0"


class Refused(Delays):
    def test_what_cannot_be_listened_on_ends_the_server_within_100_ms(self):
        with tempfile.TemporaryDirectory() as folder, Server("echo_server", ANY_PORT) as first, \
                Server("echo_server", f"unix:{folder}/a") as second:
            for name, arguments in (("in use", [first.endpoint]), ("the second in use", [ANY_PORT, first.endpoint]),
                                    ("of another machine", ["tcp://192.0.2.1:65432"]),
                                    ("a Unix socket in use", [second.endpoint]),
                                    ("in a folder that is not there", [f"unix:{folder}/none/a"])):
                def ends():
                    with Program("echo_server", *arguments) as server:
                        self.assertEqual(server.wait(), 2)

                self.at_most(0.100, statistics.median(seconds(ends) for _ in range(5)), name)


class Again(Delays):
    def test_after_sigkill_another_server_listens_within_50_ms(self):
        def start():
            servers.append(self.enterContext(Server("echo_server", *FRAMES, servers[0].endpoint)))

        servers = [self.enterContext(Server("echo_server", *FRAMES, ANY_PORT))]
        taken = []
        for _ in range(100):
            with servers[-1].connect() as peer:
                exchange(peer)
                servers[-1].signal(signal.SIGKILL)
                servers[-1].wait()
                taken.append(seconds(start))
        self.at_most(0.050, statistics.median(taken))


if __name__ == "__main__":
    unittest.main(verbosity=2)
