"""A thousand reloads under load: nobody is refused, the new certificate is there within a second, and nothing stays."""
import signal
import tempfile
import threading
import time
import unittest

from certificates import Certificates, Pair, swap
from kernel import eventually, how_many_descriptors, resident
from process import Server, exchange
from tls import client_context, connect

RELOADS, EVERY = 1000, 0.1
HANDSHAKES_A_SECOND = 200
KIB = 1024


class Crowd:
    """Clients that come at a rate, exchange a frame and go: `seen` is when each certificate was first shown."""

    def __init__(self, endpoint, ca):
        self.endpoint, self.context = endpoint, client_context(ca)
        self.seen, self.failures, self.served = {}, [], 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._come)
        self.thread.start()

    def _come(self):
        begin = time.monotonic()
        while not self.ended.is_set():
            try:
                with connect(self.endpoint, self.context) as peer:
                    exchange(peer)
                    self.seen.setdefault(peer.getpeercert()["serialNumber"], time.monotonic())
                    peer.unwrap().close()
                self.served += 1
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))
            self.ended.wait(max(0, begin + self.served / HANDSHAKES_A_SECOND - time.monotonic()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


class Reloads(unittest.TestCase):
    def test_a_thousand_under_load(self):
        made = Certificates(self.enterContext(tempfile.TemporaryDirectory()))
        live = Pair(made.folder / "live.pem", made.folder / "live.key")
        for file in live:
            file.touch()
        pairs = [made.server(fresh=True) for _ in range(10)]
        swap(live, pairs[0])
        server = self.enterContext(Server("echo_server", "--mode", "frames", "--quiet", "--cert", live.certificate, "--key",
                                          live.key, "tls://127.0.0.1:0"))
        idle = how_many_descriptors(server.pid)
        memory = []
        with Crowd(server.endpoint, made.ca) as crowd:
            begin = time.monotonic()
            for number in range(RELOADS):
                swap(live, made.mismatched() if number % 10 == 5 else pairs[number % 10])
                server.signal(signal.SIGHUP)
                if number in (RELOADS // 2, RELOADS - 1):
                    memory.append(resident(server.pid))
                time.sleep(max(0, begin + (number + 1) * EVERY - time.monotonic()))  # passage: the rate of the reloads
            last = made.server(fresh=True)
            swap(live, last)
            before = len(crowd.seen)
            server.signal(signal.SIGHUP)
            at = time.monotonic()
            self.assertTrue(eventually(lambda: len(crowd.seen) > before))
            self.assertLessEqual(time.monotonic() - at, 1)
        print(f"{crowd.served} handshakes in {time.monotonic() - begin:.0f} s, {len(crowd.seen)} certificates seen, "
              f"{(memory[1] - memory[0]) // KIB} KiB more after the second half")
        self.assertEqual(crowd.failures, [])
        self.assertGreaterEqual(crowd.served, RELOADS * EVERY * HANDSHAKES_A_SECOND / 2)
        self.assertEqual(len(crowd.seen), 10)  # nine that were good, and the last
        self.assertLessEqual(memory[1] - memory[0], 256 * KIB)
        self.assertTrue(eventually(lambda: how_many_descriptors(server.pid) == idle))
        self.assertEqual(server.stop(), 0)
        lines = [line for line in server.err.all() if "loaded anew" in line]
        self.assertTrue(any("the old ones stay" in line for line in lines))
        self.assertTrue(any("loaded anew for" in line for line in lines))


if __name__ == "__main__":
    unittest.main(verbosity=2)
