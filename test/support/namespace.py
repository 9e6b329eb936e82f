# SPDX-License-Identifier: BSL-1.0
"""A network of one's own, in which a test may drop packets, change the kernel's settings and answer for a name server.

    with Namespace(files={"/etc/hosts": "127.0.0.1 localhost\\n"}) as network:
        network.command("nft", "add", "table", "inet", "t")
        run("ping", "-c", "1", "127.0.0.1", under=network.enter)
"""
import os
import subprocess
import tempfile
from pathlib import Path


class Namespace:
    """Its loopback interface is up, and nothing else is there. `files` are seen in the place of this machine's.

    `enter` is a command that runs another one in it, for `under`. Without root it is root in a namespace of users.
    """

    def __init__(self, files=()):
        user = os.geteuid() != 0
        self._holder = subprocess.Popen(
            ["unshare", *(("--user", "--map-root-user") if user else ()), "--net", "--mount", "--",
             "sh", "-c", "ip link set lo up && echo up && exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._folder = tempfile.TemporaryDirectory()
        if self._holder.stdout.readline() != b"up\n":
            self.__exit__()
            raise AssertionError("no namespace of one's own for the network: it needs root, or namespaces of users")
        self.enter = ("nsenter", f"--target={self._holder.pid}", *(("--user", "--preserve-credentials") if user else ()),
                      "--net", "--mount", "--")
        for number, (path, text) in enumerate(dict(files).items()):
            stand_in = Path(self._folder.name, str(number))
            stand_in.write_text(text)
            stand_in.chmod(0o644)
            self.command("mount", "--bind", stand_in, path)

    def command(self, *words):
        """Runs a command in it, which has to succeed: what it prints."""
        return subprocess.run([*self.enter, *map(str, words)], check=True, capture_output=True, text=True).stdout

    def setting(self, name, value):
        """A setting of the kernel's, for this network alone: ipv4/ping_group_range."""
        self.command("sh", "-c", f'echo "$1" > /proc/sys/net/{name}', "sh", value)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._holder.communicate()
        self._folder.cleanup()
