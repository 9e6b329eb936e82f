# SPDX-License-Identifier: BSL-1.0
"""Many connections through one selector: each is read when it is readable, and its echo sent when it is writable."""
import selectors
import socket
import sys
import types

selector = selectors.DefaultSelector()


def accept(listening):
    connection, address = listening.accept()
    print("accepted connection from", address, flush=True)
    connection.setblocking(False)
    waiting = types.SimpleNamespace(address=address, out=b"")
    selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, data=waiting)


def serve(key, events):
    connection, waiting = key.fileobj, key.data
    if events & selectors.EVENT_READ:
        piece = connection.recv(1024)
        if piece:
            waiting.out += piece
        else:
            print("closing connection to", waiting.address, flush=True)
            selector.unregister(connection)
            connection.close()
    if events & selectors.EVENT_WRITE and waiting.out:
        print("echoing", repr(waiting.out), "to", waiting.address, flush=True)
        sent = connection.send(waiting.out)
        waiting.out = waiting.out[sent:]


listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listening.bind((sys.argv[1], int(sys.argv[2])))
listening.listen()
print("listening on", listening.getsockname()[1], flush=True)
listening.setblocking(False)
selector.register(listening, selectors.EVENT_READ, data=None)
try:
    while True:
        for key, events in selector.select(timeout=None):
            if key.data is None:
                accept(key.fileobj)
            else:
                serve(key, events)
except KeyboardInterrupt:
    print("caught keyboard interrupt, exiting", flush=True)
finally:
    selector.close()
