# SPDX-License-Identifier: BSL-1.0
"""What the kernel knows of a process, and what it can be made to refuse it: /proc, limits, strace."""
import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

from process import PATIENCE, Lines, Program, Server


def resident(pid):
    """VmRSS in bytes."""
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def most_resident(pid):
    """VmHWM in bytes: the most that VmRSS has been."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def address_space(pid):
    """VmSize in bytes: what RLIMIT_AS limits."""
    return int(re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


def threads(pid):
    return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))


def states(pid):
    """Of its threads: R runs or could, S waits for something, T is stopped, and what else proc(5) says."""
    return {Path(f"/proc/{pid}/task/{thread}/stat").read_text().rpartition(")")[2].split()[0] for thread in threads(pid)}


def processor_time(pid):
    """Seconds that the threads of a process have run."""
    return sum(int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]) for thread in threads(pid)) / 1e9


def descriptors(pid):
    """What each open descriptor of a process is."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
    return found


def how_many_descriptors(pid):
    """The same number, for less of this process's time where there are thousands."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets(pid):
    return [what for what in descriptors(pid).values() if what.startswith("socket:")]


def closed_on_exec(pid, descriptor):
    flags = re.search(r"flags:\s+(\d+)", Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text())[1]
    return bool(int(flags, 8) & os.O_CLOEXEC)


def eventually(what, seconds=PATIENCE):
    """Asks, again and again, until the answer is true, and returns it; the last answer once the time is up."""
    until = time.monotonic() + seconds
    nothing = select.poll()
    while True:
        answer = what()
        if answer or time.monotonic() >= until:
            return answer
        nothing.poll(2)  # milliseconds


def all_read(*peers):
    """Whether the other ends have read all that these sockets sent: nothing is on its way, and nothing waits there.

    It is in the kernel's table of this machine's TCP sockets, in which one may be missing while others come and go: then
    it is not known to have read anything.
    """
    def shown(address):
        return "%s:%04X" % (bytes(reversed(socket.inet_aton(address[0]))).hex().upper(), address[1])

    sending, receiving = {}, {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues = line.split()[:5]
        sending[local, remote], _, receiving[remote, local] = queues.partition(":")
    ends = [(shown(peer.getsockname()), shown(peer.getpeername())) for peer in peers]
    return all(queue.get(end) == "00000000" for end in ends for queue in (sending, receiving))


def limit_descriptors(pid, number, hard=True):
    """`hard`: for good, or only as long as nobody raises it."""
    subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={number}:{number if hard else ''}"], check=True)


WHEN_TRACED = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # LeakSanitizer traces too, which one at a time may


class Calls(Lines):
    """The system calls that strace saw, as it writes them."""

    def matching(self, pattern):
        """Of those that have ended."""
        return [line for line in self.whole() if re.search(pattern, line)]

    def whole(self):
        """The lines of the calls that have ended: one each, though another thread's may have come between."""
        begun, found = {}, []
        for line in list(self.seen):
            thread = line.split(maxsplit=1)[0]
            if line.endswith("<unfinished ...>"):
                begun[thread] = line.removesuffix("<unfinished ...>")
                continue
            end = re.search(r"<\.\.\. \w+ resumed>", line)
            found.append(begun.pop(thread, "") + line[end.end():] if end else line)
        return found


class Traced:
    """A Program whose system calls strace sees and, with `inject`, spoils. Its pid and exit status are its own."""

    def __init__(self, name, *arguments, trace, inject=(), under=(), **options):
        reader, writer = os.pipe()
        under = [*under, "strace", "-D", "-f", "-qq", "-o", f"/dev/fd/{writer}", "-e", f"trace={trace}"]
        for fault in inject:
            under += ["-e", f"inject={fault}"]
        try:
            super().__init__(name, *arguments, under=under, pass_fds=(writer,), env=WHEN_TRACED, **options)
        finally:
            os.close(writer)
        self.calls = Calls(os.fdopen(reader, "rb"))

    def injected(self):
        """The calls that were spoilt; the program must be ending."""
        self.calls.all()
        return self.calls.matching(r"\(INJECTED\)$")


class TracedServer(Traced, Server):
    pass


class TracedProgram(Traced, Program):
    pass


class Watch:
    """strace beside a process that runs already; leaving the `with` block detaches it."""

    def __init__(self, pid, trace):
        reader, writer = os.pipe()
        self.process = subprocess.Popen(
            ["strace", "-f", "-r", "-p", str(pid), "-o", f"/dev/fd/{writer}", "-e", f"trace={trace}"],
            pass_fds=(writer,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        os.close(writer)
        self.calls = Calls(os.fdopen(reader, "rb"))
        self.said = Lines(self.process.stderr)
        self.said.wait_for(r"strace: Process \d+ attached.*")

    def timeline(self):
        """Each line so far: the thread, the seconds since the first one, and the call. strace takes the time while the
        thread waits for it, so that what the thread does next is later."""
        found, seconds = [], 0.0
        for line in list(self.calls.seen):
            thread, since_the_last, call = line.split(maxsplit=2)
            seconds += float(since_the_last)
            found.append((int(thread), seconds, call))
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.calls.all()
        self.said.all()


@contextlib.contextmanager
def stopped(pid):
    """Meanwhile the process does nothing."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: states(pid) <= {"T", "t"})
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
