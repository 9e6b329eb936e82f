# SPDX-License-Identifier: BSL-1.0
"""One application message through a selector: connect_ex, send, recv until the answer is whole, close."""
import selectors
import socket
import sys

from messages import Incoming, encode, encode_json

selector = selectors.DefaultSelector()
host, port, action, value = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]


def request():
    if action == "search":
        return encode_json({"action": action, "value": value})
    return encode((action + value).encode("utf-8"), "binary/custom-client-binary-type", "binary")


class Exchange:
    def __init__(self, connection):
        self.connection = connection
        self.input = Incoming()
        self.output = request()

    def serve(self, events):
        if events & selectors.EVENT_READ:
            self.input.read(self.connection)
            if self.input.content is not None:
                self.show()
        if events & selectors.EVENT_WRITE and self.output:
            print("sending", repr(self.output), flush=True)
            sent = self.connection.send(self.output)
            self.output = self.output[sent:]
            if not self.output:
                selector.modify(self.connection, selectors.EVENT_READ, data=self)

    def show(self):
        if self.input.is_json():
            print("got result:", self.input.json().get("result"), flush=True)
        else:
            print("got", self.input.header["content-type"], repr(self.input.content), flush=True)
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
