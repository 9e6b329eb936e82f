# SPDX-License-Identifier: BSL-1.0
"""lookups_server, in a network of its own whose name server fails, does not know, or never answers."""
import contextlib
import os
import tempfile
from pathlib import Path

from namespace import Namespace
from process import Server, framed, receive, text

# Of the server: its main thread, its loop's, the one that every runtime has, and ThreadSanitizer's own.
OWN_THREADS = 4 if os.environ["HAWSER_BUILD"] == "tsan" else 3
POOL = 4               # threads for look-ups
AT_ONCE = POOL + 1024  # look-ups: what may wait for them, too
FILES = {
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/etc/nsswitch.conf": "hosts: files dns\n",
    "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n",
}


def network_with_a_name_server():
    return Namespace(FILES)


@contextlib.contextmanager
def lookups_server(network):
    with tempfile.TemporaryDirectory() as folder:
        # A Unix socket is the same in every network.
        with Server("lookups_server", f"unix:{folder}/socket", directory=Path(os.environ["HAWSER_TEST_PROGRAMS"]),
                    under=network.enter) as server:
            yield server


def ask(peer, number, name):
    """For so many look-ups of a name at once."""
    peer.sendall(framed(b"look up %d " % number + name))


def answer(peer):
    """{how: (number, shortest, longest)}, in seconds."""
    size = int.from_bytes(receive(peer, 4), "big")
    lines = [line.split() for line in text(receive(peer, size)).splitlines()]
    return {how: (int(number), float(least) / 1000, float(most) / 1000) for how, number, least, most in lines}
