# SPDX-License-Identifier: BSL-1.0
"""A client of HTTP/1.1 that takes nothing for granted: what a server sends, byte by byte, as it is framed."""
import re
import socket
from dataclasses import dataclass

from process import PATIENCE

DATE = re.compile(rb"\r\nDate: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT(?=\r\n)")


class StreamEnded(AssertionError):
    """The stream ended inside a response."""


@dataclass
class Response:
    status: int
    fields: list    # (name, value) as they were sent
    body: bytes
    raw: bytes

    def field(self, name):
        """Its only value."""
        values = [value for each, value in self.fields if each.lower() == name.lower()]
        if len(values) > 1:
            raise AssertionError(f"{name} is sent {len(values)} times: {self.raw!r}")
        return values[0] if values else None

    @property
    def closes(self):
        return self.field("Connection") == "close"


def request(target="/", *fields, method="GET", host="a", body=b""):
    """The bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Client:
    """One connection, and what came on it that was not read as a response yet."""

    def __init__(self, server, source=None):
        host, _, port = server.endpoint.partition("://")[2].rpartition(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE, source_address=source and (source, 0))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def ask(self, octets, method="GET"):
        self.send(octets)
        return self.response(method)

    def begin(self):
        """Waits until the response has begun."""
        self._more()

    def _more(self):
        self.buffer += self._piece()

    def _piece(self):
        piece = self.socket.recv(262144)
        if not piece:
            raise StreamEnded(f"inside a response, after {self.buffer[-200:]!r}")
        return piece

    def _take(self, size):
        pieces, missing = [self.buffer], size - len(self.buffer)
        while missing > 0:
            pieces.append(self._piece())
            missing -= len(pieces[-1])
        self.buffer = b"".join(pieces)
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        return self._take(self.buffer.index(b"\r\n") + 2)

    def response(self, method="GET"):
        """The next response, to a request of this method. One that ends with the stream is read up to there."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        raw = self._take(self.buffer.index(b"\r\n\r\n") + 4)
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) [ -~]*", first)
        if not match:
            raise AssertionError(f"no status line: {first!r}")
        parts = Response(int(match[1]), [tuple(line.split(": ", 1)) for line in lines], b"", raw)
        if method == "HEAD" or parts.status in (204, 304) or parts.status < 200:
            return parts
        length, coding = parts.field("Content-Length"), parts.field("Transfer-Encoding")
        if length is not None:
            parts.body = self._take(int(length))
        elif coding == "chunked":
            while size := int(self._line(), 16):
                parts.body += self._take(size + 2)[:-2]
            if self._line() != b"\r\n":
                raise AssertionError("bytes behind the last chunk")
        else:
            parts.body = self.rest()
        return parts

    def rest(self):
        """All that comes up to the end of the stream."""
        while piece := self.socket.recv(262144):
            self.buffer += piece
        taken, self.buffer = self.buffer, b""
        return taken


def one(server, octets, method="GET"):
    """The response to one request of a connection of its own."""
    with Client(server) as client:
        return client.ask(octets, method)


def undated(raw):
    """Without the line that is another each second, which has to be there."""
    text, count = DATE.subn(b"", raw)
    if count == 0:
        raise AssertionError(f"no date: {raw[:200]!r}")
    return text
