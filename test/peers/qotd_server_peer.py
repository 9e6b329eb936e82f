# SPDX-License-Identifier: BSL-1.0
"""Answers each datagram with the same words, whatever it holds: bind, recvfrom, sendto. Prints the port it got.

The second argument is how many datagrams it only counts before that.
"""
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving:
    serving.bind(("127.0.0.1", int(sys.argv[1])))
    print("listening on", serving.getsockname()[1], flush=True)
    unanswered = int(sys.argv[2])
    while True:
        request, address = serving.recvfrom(1024)
        print("asked by", address[1], repr(request), flush=True)
        if unanswered:
            unanswered -= 1
        else:
            serving.sendto(b"Words of a peer.\r\nIn two lines.\r\n", address)
