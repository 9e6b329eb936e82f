# SPDX-License-Identifier: BSL-1.0
"""Connects, sends one message, receives once, closes: connect, sendall, recv."""
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
    connection.connect(("127.0.0.1", int(sys.argv[1])))
    connection.sendall(b"Hello, world")
    answer = connection.recv(1024)
print("Received", repr(answer))
