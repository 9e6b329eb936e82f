"""One application message through a selector: connect_ex, send, recv until the answer is whole, close."""
import io
import json
import selectors
import socket
import struct
import sys

selector = selectors.DefaultSelector()
host, port, action, value = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]


def encode(content, kind, encoding):
    header = json.dumps({"byteorder": sys.byteorder, "content-type": kind, "content-encoding": encoding,
                         "content-length": len(content)}, ensure_ascii=False).encode("utf-8")
    return struct.pack(">H", len(header)) + header + content


def request():
    if action == "search":
        content = json.dumps({"action": action, "value": value}, ensure_ascii=False).encode("utf-8")
        return encode(content, "text/json", "utf-8")
    return encode((action + value).encode("utf-8"), "binary/custom-client-binary-type", "binary")


class Exchange:
    def __init__(self, connection):
        self.connection = connection
        self.input = b""
        self.output = request()
        self.header_length = self.header = None

    def serve(self, events):
        if events & selectors.EVENT_READ:
            self.read()
        if events & selectors.EVENT_WRITE and self.output:
            print("sending", repr(self.output), flush=True)
            sent = self.connection.send(self.output)
            self.output = self.output[sent:]
            if not self.output:
                selector.modify(self.connection, selectors.EVENT_READ, data=self)

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
        if self.header and len(self.input) >= self.header["content-length"]:
            self.show(self.input[:self.header["content-length"]])

    def show(self, content):
        if self.header["content-type"] == "text/json":
            answer = json.loads(content.decode(self.header["content-encoding"]))
            print("got result:", answer.get("result"), flush=True)
        else:
            print("got", self.header["content-type"], repr(content), flush=True)
        self.close()

    def close(self):
        selector.unregister(self.connection)
        self.connection.close()


connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
connection.setblocking(False)
connection.connect_ex((host, port))
selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, data=Exchange(connection))
failed = False
try:
    while selector.get_map():
        for key, events in selector.select(timeout=1):
            try:
                key.data.serve(events)
            except Exception as error:
                print("error:", error, flush=True)
                key.data.close()
                failed = True
except KeyboardInterrupt:
    print("caught keyboard interrupt, exiting", flush=True)
finally:
    selector.close()
sys.exit(failed)
