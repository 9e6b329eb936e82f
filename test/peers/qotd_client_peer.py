# SPDX-License-Identifier: BSL-1.0
"""Asks for a quote with an empty datagram: sendto, recvfrom."""
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(60)
    asking.sendto(b"", ("127.0.0.1", int(sys.argv[1])))
    quote, address = asking.recvfrom(1024)
print("from", address[1], repr(quote.decode()))
