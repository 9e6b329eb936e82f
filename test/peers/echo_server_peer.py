# SPDX-License-Identifier: BSL-1.0
"""One connection, echoed until its end: bind, listen, accept, then recv and sendall. Prints the port it got."""
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
    listening.bind(("127.0.0.1", int(sys.argv[1])))
    listening.listen()
    print("listening on", listening.getsockname()[1], flush=True)
    connection, address = listening.accept()
    with connection:
        print("Connected by", address, flush=True)
        while True:
            piece = connection.recv(1024)
            if not piece:
                break
            connection.sendall(piece)
