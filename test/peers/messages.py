# SPDX-License-Identifier: BSL-1.0
"""Application messages as the plain peers make and read them."""
import io
import json
import struct
import sys


def encode(content, kind, encoding):
    header = json.dumps({"byteorder": sys.byteorder, "content-type": kind, "content-encoding": encoding,
                         "content-length": len(content)}, ensure_ascii=False).encode("utf-8")
    return struct.pack(">H", len(header)) + header + content


def encode_json(members):
    return encode(json.dumps(members, ensure_ascii=False).encode("utf-8"), "text/json", "utf-8")


class Incoming:
    """One message, in whatever pieces it comes: `header` and `content`, each None until it is whole."""

    def __init__(self):
        self.input = b""
        self.header_length = self.header = self.content = None

    def read(self, connection):
        piece = connection.recv(4096)
        if not piece:
            raise RuntimeError("peer closed")
        self.input += piece
        if self.header_length is None and len(self.input) >= 2:
            self.header_length = struct.unpack(">H", self.input[:2])[0]
            self.input = self.input[2:]
        if self.header_length is not None and self.header is None and len(self.input) >= self.header_length:
            with io.TextIOWrapper(io.BytesIO(self.input[:self.header_length]), encoding="utf-8", newline="") as text:
                self.header = json.load(text)
            self.input = self.input[self.header_length:]
            for key in ("byteorder", "content-length", "content-type", "content-encoding"):
                if key not in self.header:
                    raise ValueError(f"missing: {key}")
        if self.header and len(self.input) >= self.header["content-length"]:
            self.content = self.input[:self.header["content-length"]]

    def is_json(self):
        return self.header["content-type"] == "text/json"

    def json(self):
        return json.loads(self.content.decode(self.header["content-encoding"]))
