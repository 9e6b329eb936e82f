# SPDX-License-Identifier: BSL-1.0
"""Application messages through one selector: each connection is read until a message is whole, answered, closed."""
import selectors
import socket
import sys

from messages import Incoming, encode, encode_json

ANSWERS = {
    "morpheus": "Follow the white rabbit. \U0001f430",
    "ring": "In the caves beneath the Misty Mountains. \U0001f48d",
    "\U0001f436": "\U0001f43e Playing ball! \U0001f3d0",
}
selector = selectors.DefaultSelector()


class Exchange:
    def __init__(self, connection, address):
        self.connection, self.address = connection, address
        self.input = Incoming()
        self.output = b""
        self.answered = False

    def serve(self, events):
        if events & selectors.EVENT_READ:
            self.input.read(self.connection)
            if self.input.content is not None:
                self.answer()
        if events & selectors.EVENT_WRITE:
            self.write()

    def answer(self):
        print("received", self.input.header["content-type"], repr(self.input.content), "from", self.address, flush=True)
        if self.input.is_json():
            asked = self.input.json()
            if asked.get("action") == "search":
                result = ANSWERS.get(asked.get("value")) or f"No match for '{asked.get('value')}'."
            else:
                result = f"Error: invalid action '{asked.get('action')}'."
            self.output = encode_json({"result": result})
        else:
            self.output = encode(b"First 10 bytes of request: " + self.input.content[:10],
                                 "binary/custom-server-binary-type", "binary")
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
