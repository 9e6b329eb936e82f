# SPDX-License-Identifier: BSL-1.0
"""An admin endpoint's client, which reads its table, its JSON and its metrics by the rules, and what ss and lsof say."""
import json
import re
import socket
import subprocess

from http_client import Client, request
from kernel import eventually
from process import PATIENCE

COLUMNS = ["Proto", "Recv-Q", "Send-Q", "Local-Address", "Peer-Address", "State", "PID", "User", "FD", "Age", "Idle",
           "Awaits", "For", "Bytes-In", "Bytes-Out", "Frames-In", "Frames-Out", "TLS"]
STATES = {"ESTAB": "ESTABLISHED", "SYN-SENT": "SYN_SENT", "SYN-RECV": "SYN_RECV", "FIN-WAIT-1": "FIN_WAIT1",
          "FIN-WAIT-2": "FIN_WAIT2", "TIME-WAIT": "TIME_WAIT", "UNCONN": "UNCONN", "CLOSE-WAIT": "CLOSE_WAIT",
          "LAST-ACK": "LAST_ACK", "LISTEN": "LISTEN", "CLOSING": "CLOSING"}


class Admin(Client):
    """A connection to an admin endpoint, over TCP or a Unix socket."""

    def __init__(self, endpoint):
        if endpoint.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(endpoint.removeprefix("unix:"))
        else:
            host, _, port = endpoint.partition("://")[2].rpartition(":")
            self.socket = socket.create_connection((host.strip("[]"), int(port)), PATIENCE)
        self.socket.settimeout(PATIENCE)
        self.buffer = b""

    def get(self, path, *fields, method="GET", host="localhost"):
        return self.ask(request(path, *fields, method=method, host=host), method)

    def table(self):
        """The rows as {column: word}."""
        head, *lines = self.get("/connections").body.decode("ascii").splitlines()
        if head.split() != COLUMNS:
            raise AssertionError(f"columns: {head}")
        return [dict(zip(COLUMNS, line.split(), strict=True)) for line in lines]

    def rows(self):
        """The rows as JSON has them."""
        answer = self.get("/connections", "Accept: application/json")
        if answer.field("Content-Type") != "application/json":
            raise AssertionError(answer.raw)
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # what came is acknowledged now
        return json.loads(answer.body)["connections"]

    def row_of(self, peer):
        """The row of the connection whose other end this socket is, once it has one."""
        host, port = peer.getsockname()[:2]
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        found = eventually(lambda: [row for row in self.rows() if row["peer"] == name])
        if len(found) != 1:
            raise AssertionError(f"{len(found)} rows of {name}")
        return found[0]

    def metrics(self):
        answer = self.get("/metrics")
        if answer.field("Content-Type") != "text/plain; version=0.0.4; charset=utf-8":
            raise AssertionError(answer.raw)
        return read_metrics(answer.body.decode("utf-8"))


def read_metrics(text):
    """{name with labels: value}. Every line is one that the format has, each family is whole and announced once."""
    kinds, values, family = {}, {}, None
    for line in text.splitlines():
        if match := re.fullmatch(r"# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)", line):
            if match[1] in kinds:
                raise AssertionError(f"{match[1]} comes twice")
            family, kinds[match[1]] = match[1], None
        elif match := re.fullmatch(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)", line):
            if match[1] != family or kinds[family]:
                raise AssertionError(f"a type without its help: {line}")
            kinds[family] = match[2]
        elif match := re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})? '
                                   r"([0-9]+(?:\.[0-9]+)?(?:e\+[0-9]+)?)", line):
            name = match[1] + (match[2] or "")
            if match[1] != family or not kinds[family] or name in values:
                raise AssertionError(f"a value out of place: {line}")
            if (kinds[family] == "counter") != family.endswith("_total"):
                raise AssertionError(f"{family} is a {kinds[family]}")
            values[name] = float(match[3])
        else:
            raise AssertionError(f"no line of the format: {line!r}")
    if not text.endswith("\n"):
        raise AssertionError("the last line has no end")
    return values


def sockets_by_ss(pid, kind="-t"):
    """What ss says, in our words: (protocol, receive queue, send queue, local, peer, state, pid, fd)."""
    found = []
    for line in subprocess.check_output(["ss", f"{kind}anpOH"], text=True).splitlines():
        match = re.search(rf'users:\(\("[^"]*",pid={pid},fd=(\d+)\)\)', line)
        if not match:
            continue
        state, received, sent, local, peer = line.split()[:5]
        protocol = {"-t": "tcp", "-u": "udp"}[kind] + ("6" if local.startswith("[") else "")
        found.append((protocol, int(received), int(sent), local, peer, STATES[state], pid, int(match[1])))
    return sorted(found)


def sockets_by_us(rows, protocols=("tcp", "tcp6")):
    return sorted((row["protocol"], row["receive_queue"], row["send_queue"], row["local"], row["peer"], row["state"],
                   row["pid"], row["fd"]) for row in rows if row["protocol"] in protocols)


def unix_sockets_by_ss(pid):
    found = []
    for line in subprocess.check_output(["ss", "-xanpOH"], text=True).splitlines():
        if match := re.search(rf'users:\(\("[^"]*",pid={pid},fd=(\d+)\)\)', line):
            _, state, received, sent, local = line.split()[:5]
            if local.startswith("/"):  # others of the process, which stand for standard output, have no name
                found.append(("unix", int(received), int(sent), local, "*", STATES[state], pid, int(match[1])))
    return sorted(found)


def sockets_by_lsof(pid):
    """What lsof -i says: (pid, user, fd, name)."""
    lines = subprocess.check_output(["lsof", "-nP", "-a", "-p", str(pid), "-i", "TCP"], text=True).splitlines()[1:]
    return sorted((line.split()[1], line.split()[2], line.split()[3], " ".join(line.split()[8:])) for line in lines)
