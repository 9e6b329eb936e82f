# SPDX-License-Identifier: BSL-1.0
"""Several connections through one selector: connect_ex, then two messages on each, until as many bytes are back."""
import selectors
import socket
import sys
import types

selector = selectors.DefaultSelector()
MESSAGES = (b"Message 1 from client.", b"Message 2 from client.")


def start(address, count):
    for number in range(1, count + 1):
        print("starting connection", number, "to", address)
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        connection.connect_ex(address)
        state = types.SimpleNamespace(number=number, total=sum(map(len, MESSAGES)), received=0, left=list(MESSAGES),
                                      out=b"")
        selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE, data=state)


def serve(key, events):
    connection, state = key.fileobj, key.data
    if events & selectors.EVENT_READ:
        piece = connection.recv(1024)
        if piece:
            print("received", repr(piece), "from connection", state.number)
            state.received += len(piece)
        if not piece or state.received == state.total:
            print("closing connection", state.number)
            selector.unregister(connection)
            connection.close()
    if events & selectors.EVENT_WRITE:
        if not state.out and state.left:
            state.out = state.left.pop(0)
        if state.out:
            print("sending", repr(state.out), "to connection", state.number)
            sent = connection.send(state.out)
            state.out = state.out[sent:]


start((sys.argv[1], int(sys.argv[2])), int(sys.argv[3]))
try:
    while selector.get_map():
        for key, events in selector.select(timeout=1):
            serve(key, events)
except KeyboardInterrupt:
    print("caught keyboard interrupt, exiting")
finally:
    selector.close()
