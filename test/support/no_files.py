# SPDX-License-Identifier: BSL-1.0
"""What a server of files finds under its root that is no file, or none that it may read."""
import contextlib
import os
import socket
import stat


@contextlib.contextmanager
def make_no_files(root):
    """Makes one of each kind: {target: the status that it is answered with}."""
    os.mkfifo(root / "fifo")
    (root / "bare").mkdir()
    expected = {"/fifo": 403, "/socket": 403, "/bare": 404, "/bare/": 404}
    if os.geteuid() == 0:  # who else could make one, or read what nobody may
        os.mknod(root / "device", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        expected["/device"] = 403
    else:
        (root / "secret").write_text("x")
        (root / "secret").chmod(0)
        expected["/secret"] = 403
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(root / "socket"))
        yield expected
