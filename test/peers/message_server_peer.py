"""Application messages through one selector: each connection is read until a message is whole, answered, closed."""
import io
import json
import selectors
import socket
import struct
import sys

ANSWERS = {
    "morpheus": "Follow the white rabbit. \U0001f430",
    "ring": "In the caves beneath the Misty Mountains. \U0001f48d",
    "\U0001f436": "\U0001f43e Playing ball! \U0001f3d0",
}
selector = selectors.DefaultSelector()


def encode(content, kind, encoding):
    header = json.dumps({"byteorder": sys.byteorder, "content-type": kind, "content-encoding": encoding,
                         "content-length": len(content)}, ensure_ascii=False).encode("utf-8")
    return struct.pack(">H", len(header)) + header + content


class Exchange:
    def __init__(self, connection, address):
        self.connection, self.address = connection, address
        self.input = self.output = b""
        self.header_length = self.header = None
        self.answered = False

    def serve(self, events):
        if events & selectors.EVENT_READ:
            self.read()
        if events & selectors.EVENT_WRITE:
            self.write()

    def read(self):
        piece = self.connection.recv(4096)
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
            self.answer(self.input[:self.header["content-length"]])

    def answer(self, content):
        print("received", self.header["content-type"], repr(content), "from", self.address, flush=True)
        if self.header["content-type"] == "text/json":
            asked = json.loads(content.decode(self.header["content-encoding"]))
            if asked.get("action") == "search":
                result = ANSWERS.get(asked.get("value")) or f"No match for '{asked.get('value')}'."
            else:
                result = f"Error: invalid action '{asked.get('action')}'."
            text = json.dumps({"result": result}, ensure_ascii=False).encode("utf-8")
            self.output = encode(text, "text/json", "utf-8")
        else:
            self.output = encode(b"First 10 bytes of request: " + content[:10], "binary/custom-server-binary-type",
                                 "binary")
        self.answered = True
        selector.modify(self.connection, selectors.EVENT_WRITE, data=self)

    def write(self):
        if self.output:
            sent = self.connection.send(self.output)
            self.output = self.output[sent:]
        if self.answered and not self.output:
            self.close()

    def close(self):
        print("closing connection to", self.address, flush=True)
        selector.unregister(self.connection)
        self.connection.close()


listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind((sys.argv[1], int(sys.argv[2])))
listening.listen()
print("listening on", listening.getsockname()[1], flush=True)
listening.setblocking(False)
selector.register(listening, selectors.EVENT_READ, data=None)
try:
    while True:
        for key, events in selector.select(timeout=None):
            if key.data is None:
                connection, address = listening.accept()
                print("accepted connection from", address, flush=True)
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ, data=Exchange(connection, address))
                continue
            try:
                key.data.serve(events)
            except Exception as error:
                print("error:", error, flush=True)
                key.data.close()
except KeyboardInterrupt:
    print("caught keyboard interrupt, exiting", flush=True)
finally:
    selector.close()
