# SPDX-License-Identifier: BSL-1.0
"""Reads the time: connect, then recv to the end."""
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as asking:
    asking.settimeout(60)
    asking.connect(("127.0.0.1", int(sys.argv[1])))
    text = b""
    while piece := asking.recv(1024):
        text += piece
print(repr(text.decode("ascii")))
