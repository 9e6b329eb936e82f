# SPDX-License-Identifier: BSL-1.0
"""What message_server spends on clients that stall or read nothing, and how soon it has cut them."""
import contextlib
import time
import unittest

from delays import Delays
from kernel import processor_time
from process import Server
from slow_peers import until_the_end

EACH = 100
IDLE = 8    # seconds
FRAME = 10  # seconds
CONTENT = b'{"action": "search", "value": "ring"}'
HEAD = (b'{"byteorder": "little", "content-type": "text/json", "content-encoding": "utf-8", "content-length": %d}'
        % len(CONTENT))
MESSAGE = len(HEAD).to_bytes(2, "big") + HEAD + CONTENT


class Stalled(Delays):
    def test_while_they_stay_it_takes_1_percent_of_a_processor_at_most_and_then_cuts_them_within_15_seconds(self):
        with Server("message_server", "--idle", f"{IDLE}s", "127.0.0.1", "0") as server, \
                contextlib.ExitStack() as all_of_them:
            begun = time.monotonic()
            peers = []
            for sent in (b"", b"\0", MESSAGE[:50], MESSAGE[:-1]):
                for _ in range(EACH):
                    peers.append(all_of_them.enter_context(server.connect()))
                    peers[-1].sendall(sent)
            flood = all_of_them.enter_context(server.connect())
            flood.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                while True:
                    flood.sendall(100 * MESSAGE)

            def share():
                before, looked = processor_time(server.pid), time.monotonic()
                time.sleep(3)
                return (processor_time(server.pid) - before) / (time.monotonic() - looked)

            least = min(share(), share())
            print(f"{least:.2%} of a processor (at most 1%)")
            self.assertLessEqual(least, 0.01)
            for peer in peers:
                until_the_end(peer)
            self.at_most(15, time.monotonic() - begun,
                         f"the last of {len(peers)}, whose deadlines were {IDLE} and {FRAME} s")


if __name__ == "__main__":
    unittest.main(verbosity=2)
