# SPDX-License-Identifier: BSL-1.0
"""User and system time that processes have used: what /proc/PID/stat has in hundredths of a second, and finer."""
import os
import time
from pathlib import Path


def own(pid):
    """Seconds of all threads of a process."""
    return time.clock_gettime(~pid << 3 | 2)  # the clock that clock_getcpuclockid(3) gives


def with_children(pid):
    """The same, and that of its children that have ended and been waited for (to a hundredth of a second)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own(pid) + sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
